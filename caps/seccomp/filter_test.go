package seccomp_test

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"snug/caps/seccomp"
)

// Operation codes for tests, from linux/bpf_common.h.
const (
	ldAbs, ldImm, ldxImm, ldMem, ldxMem = 0x20, 0x00, 0x01, 0x60, 0x61
	ldLen, ldxLen, st, stx              = 0x80, 0x81, 0x02, 0x03
	add, sub, mul, div, or, and         = 0x04, 0x14, 0x24, 0x34, 0x44, 0x54
	lsh, rsh, neg, mod, xor             = 0x64, 0x74, 0x84, 0x94, 0xa4
	ja, jeq, jgt, jge, jset, useX       = 0x05, 0x15, 0x25, 0x35, 0x45, 0x08
	ret, retA, tax, txa                 = 0x06, 0x16, 0x07, 0x87
)

func op(code uint16, k uint32) seccomp.Instruction { return seccomp.Instruction{Code: code, K: k} }

func jump(code uint16, k uint32, jt, jf uint8) seccomp.Instruction {
	return seccomp.Instruction{Code: code, K: k, Jt: jt, Jf: jf}
}

// TestValidate has a row for each check of the kernel. TestKernelAgrees asks
// the kernel the same.
func TestValidate(t *testing.T) {
	for _, tt := range programs() {
		t.Run(tt.name, func(t *testing.T) {
			got := ""
			if err := tt.filter.Validate(); err != nil {
				got = err.Error()
			}
			if got != tt.want {
				t.Errorf("got  %q\nwant %q", got, tt.want)
			}
			if _, err := tt.filter.Run(seccomp.Data{}); (err != nil) != (tt.want != "") {
				t.Errorf("run: %v", err)
			}
		})
	}
}

type program struct {
	name   string
	filter seccomp.Filter
	want   string
}

func programs() []program {
	const allow = uint32(seccomp.Allow)
	long := slices.Repeat(seccomp.Filter{op(ret, allow)}, 4097)
	return []program{
		{"empty", nil, "seccomp program: no instructions"},
		{"return", seccomp.Filter{op(ret, allow)}, ""},
		{"longest", long[:4096], ""},
		{"too long", long, "seccomp program: 4097 instructions, the kernel takes at most 4096"},
		{"no return", seccomp.Filter{op(ldImm, 0)}, "seccomp instruction 0 (code 0x00): the last one must return"},
		{"return A", seccomp.Filter{op(ldImm, allow), op(retA, 0)}, ""},
		{"return X", seccomp.Filter{op(ret|useX, 0)}, "seccomp instruction 0 (code 0x0e): not allowed in a seccomp filter"},
		{"last word", seccomp.Filter{op(ldAbs, 60), op(ret, allow)}, ""},
		{"beyond data", seccomp.Filter{op(ldAbs, 64), op(ret, allow)}, "seccomp instruction 0 (code 0x20): offset 64 is not a word of seccomp_data"},
		{"unaligned", seccomp.Filter{op(ldAbs, 2), op(ret, allow)}, "seccomp instruction 0 (code 0x20): offset 2 is not a word of seccomp_data"},
		{"load byte", seccomp.Filter{op(0x30, 0), op(ret, allow)}, "seccomp instruction 0 (code 0x30): not allowed in a seccomp filter"},
		{"load indirect", seccomp.Filter{op(0x40, 0), op(ret, allow)}, "seccomp instruction 0 (code 0x40): not allowed in a seccomp filter"},
		{"length", seccomp.Filter{op(ldLen, 0), op(ldxLen, 0), op(ret, allow)}, ""},
		{"modulo", seccomp.Filter{op(mod, 3), op(ret, allow)}, "seccomp instruction 0 (code 0x94): not allowed in a seccomp filter"},
		{"divide by zero", seccomp.Filter{op(div, 0), op(ret, allow)}, "seccomp instruction 0 (code 0x34): division by zero"},
		{"divide by X", seccomp.Filter{op(ldxImm, 2), op(div|useX, 0), op(ret, allow)}, ""},
		{"shift", seccomp.Filter{op(lsh, 31), op(rsh, 31), op(ret, allow)}, ""},
		{"shift too far", seccomp.Filter{op(lsh, 32), op(ret, allow)}, "seccomp instruction 0 (code 0x64): shift by 32"},
		{"shift right too far", seccomp.Filter{op(rsh, 32), op(ret, allow)}, "seccomp instruction 0 (code 0x74): shift by 32"},
		{"all arithmetic", seccomp.Filter{op(add, 1), op(sub, 1), op(mul, 1), op(or, 1), op(and, 1), op(xor, 1), op(neg, 0), op(ret, allow)}, ""},
		{"negate X", seccomp.Filter{op(neg|useX, 0), op(ret, allow)}, "seccomp instruction 0 (code 0x8c): not allowed in a seccomp filter"},
		{"unknown arithmetic", seccomp.Filter{op(0xb4, 0), op(ret, allow)}, "seccomp instruction 0 (code 0xb4): not allowed in a seccomp filter"},
		{"unknown jump", seccomp.Filter{op(0x55, 0), op(ret, allow)}, "seccomp instruction 0 (code 0x55): not allowed in a seccomp filter"},
		{"jump", seccomp.Filter{op(ja, 0), op(ret, allow)}, ""},
		{"jump out", seccomp.Filter{op(ja, 1), op(ret, allow)}, "seccomp instruction 0 (code 0x05): jump over 1 instructions leaves the program"},
		{"jump around", seccomp.Filter{op(ja, 0xffffffff), op(ret, allow)}, "seccomp instruction 0 (code 0x05): jump over 4294967295 instructions leaves the program"},
		{"branch out when true", seccomp.Filter{jump(jeq, 0, 1, 0), op(ret, allow)}, "seccomp instruction 0 (code 0x15): jump over 1 instructions leaves the program"},
		{"branch out when false", seccomp.Filter{jump(jset, 0, 0, 1), op(ret, allow)}, "seccomp instruction 0 (code 0x45): jump over 1 instructions leaves the program"},
		{"scratch", seccomp.Filter{op(st, 15), op(ldMem, 15), op(stx, 0), op(ldxMem, 0), op(ret, allow)}, ""},
		{"scratch too high", seccomp.Filter{op(st, 16), op(ret, allow)}, "seccomp instruction 0 (code 0x02): scratch word 16, there are 16"},
		{"scratch unwritten", seccomp.Filter{op(ldMem, 3), op(ret, allow)}, "seccomp instruction 0 (code 0x60): scratch word 3 may be unwritten"},
		{"scratch written on one path", seccomp.Filter{jump(jeq, 0, 0, 1), op(st, 1), op(ldMem, 1), op(ret, allow)},
			"seccomp instruction 2 (code 0x60): scratch word 1 may be unwritten"},
		{"scratch written on both paths", seccomp.Filter{jump(jeq, 0, 0, 2), op(st, 1), op(ja, 1), op(st, 1), op(ldMem, 1), op(ret, allow)}, ""},
		{"copies", seccomp.Filter{op(tax, 0), op(txa, 0), op(ret, allow)}, ""},
	}
}

// TestRun computes a value and returns it: each row fails if the operation is
// done in any other way.
func TestRun(t *testing.T) {
	data := seccomp.Data{Nr: 0x11, Arch: 0x22, IP: 0x4444444433333333,
		Args: [6]uint64{0xbbbbbbbbaaaaaaaa, 0, 0, 0, 0, 0xddddddddcccccccc}}
	tests := []struct {
		name   string
		filter seccomp.Filter
		want   uint32
	}{
		{"number", seccomp.Filter{op(ldAbs, 0)}, 0x11},
		{"audit value", seccomp.Filter{op(ldAbs, 4)}, 0x22},
		{"instruction pointer", seccomp.Filter{op(ldAbs, 8)}, 0x33333333},
		{"its upper half", seccomp.Filter{op(ldAbs, 12)}, 0x44444444},
		{"first argument", seccomp.Filter{op(ldAbs, 16)}, 0xaaaaaaaa},
		{"its upper half", seccomp.Filter{op(ldAbs, 20)}, 0xbbbbbbbb},
		{"last argument", seccomp.Filter{op(ldAbs, 56)}, 0xcccccccc},
		{"its upper half", seccomp.Filter{op(ldAbs, 60)}, 0xdddddddd},
		{"length of data", seccomp.Filter{op(ldLen, 0)}, 64},
		{"add", seccomp.Filter{op(ldImm, 0xffffffff), op(add, 3)}, 2},
		{"subtract", seccomp.Filter{op(ldImm, 1), op(sub, 2)}, 0xffffffff},
		{"multiply", seccomp.Filter{op(ldImm, 0x10001), op(mul, 0x10000)}, 0x10000},
		{"divide", seccomp.Filter{op(ldImm, 0xffffffff), op(div, 2)}, 0x7fffffff},
		{"or", seccomp.Filter{op(ldImm, 5), op(or, 3)}, 7},
		{"and", seccomp.Filter{op(ldImm, 5), op(and, 3)}, 1},
		{"exclusive or", seccomp.Filter{op(ldImm, 5), op(xor, 3)}, 6},
		{"negate", seccomp.Filter{op(ldImm, 5), op(neg, 0)}, 0xfffffffb},
		{"shift left", seccomp.Filter{op(ldImm, 0x80000001), op(lsh, 1)}, 2},
		{"shift right", seccomp.Filter{op(ldImm, 0x80000001), op(rsh, 1)}, 0x40000000},
		{"shift by X takes five bits", seccomp.Filter{op(ldImm, 1), op(ldxImm, 33), op(lsh|useX, 0)}, 2},
		{"X as operand", seccomp.Filter{op(ldImm, 5), op(ldxImm, 2), op(sub|useX, 9)}, 3},
		{"divide by a zero X", seccomp.Filter{op(ldImm, 5), op(div|useX, 1)}, 0},
		{"copy to X and back", seccomp.Filter{op(ldImm, 5), op(tax, 0), op(ldImm, 6), op(txa, 0)}, 5},
		{"scratch", seccomp.Filter{op(ldImm, 5), op(st, 2), op(ldImm, 6), op(ldMem, 2)}, 5},
		{"scratch of X", seccomp.Filter{op(ldxImm, 5), op(stx, 2), op(ldxMem, 2), op(txa, 0)}, 5},
		{"length to X", seccomp.Filter{op(ldxLen, 0), op(txa, 0)}, 64},
		{"jump", seccomp.Filter{op(ldImm, 1), op(ja, 1), op(ldImm, 2)}, 1},
		{"equal", seccomp.Filter{op(ldImm, 7), jump(jeq, 7, 1, 0), op(ldImm, 2)}, 7},
		{"not equal", seccomp.Filter{op(ldImm, 7), jump(jeq, 8, 0, 1), op(ldImm, 2)}, 7},
		{"greater is not equal", seccomp.Filter{op(ldImm, 7), jump(jgt, 7, 0, 1), op(ldImm, 2)}, 7},
		{"greater", seccomp.Filter{op(ldImm, 0x80000000), jump(jgt, 7, 1, 0), op(ldImm, 2)}, 0x80000000},
		{"at least", seccomp.Filter{op(ldImm, 7), jump(jge, 7, 1, 0), op(ldImm, 2)}, 7},
		{"bit set", seccomp.Filter{op(ldImm, 6), jump(jset, 2, 1, 0), op(ldImm, 2)}, 6},
		{"bit not set", seccomp.Filter{op(ldImm, 6), jump(jset, 1, 0, 1), op(ldImm, 2)}, 6},
		{"equal to X", seccomp.Filter{op(ldImm, 7), op(ldxImm, 7), jump(jeq|useX, 8, 1, 0), op(ldImm, 2)}, 7},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := append(tt.filter, op(retA, 0)).Run(data)
			if err != nil {
				t.Fatal(err)
			}
			if uint32(got) != tt.want {
				t.Errorf("got %#x, want %#x", uint32(got), tt.want)
			}
		})
	}
}

func TestBytes(t *testing.T) {
	f := seccomp.Filter{{Code: 0x1234, Jt: 5, Jf: 6, K: 0x789abcde}, {Code: ret}}
	want := []byte{0x34, 0x12, 5, 6, 0xde, 0xbc, 0x9a, 0x78, ret, 0, 0, 0, 0, 0, 0, 0}
	if diff := cmp.Diff(want, f.Bytes()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	again, err := seccomp.Parse(want)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(f, again); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestParseRefuses(t *testing.T) {
	tests := []struct {
		name string
		size int
		want string
	}{
		{"empty", 0, "seccomp program: no instructions"},
		{"torn", 12, "seccomp program: 12 bytes are not whole instructions of 8 bytes"},
		{"too long", 4097 * 8, "seccomp program: 4097 instructions, the kernel takes at most 4096"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := seccomp.Parse(make([]byte, tt.size))
			if err == nil || err.Error() != tt.want {
				t.Errorf("got %v, want %s", err, tt.want)
			}
		})
	}
}
