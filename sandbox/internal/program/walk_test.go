package program_test

import (
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"snug/sandbox/internal/program"
)

// exitWith appends ops that end with the low byte of an argument as exit code.
func exitWith(b *program.Builder, a program.Arg) { b.Call(unix.SYS_EXIT_GROUP, a) }

func TestActs(t *testing.T) {
	bad := func(b *program.Builder) *program.Op { return b.Call(unix.SYS_CLOSE, program.Num(-1)) } // EBADF
	for _, tt := range []struct {
		name  string
		build func(*program.Builder)
		want  int
		errno syscall.Errno
	}{
		{"fail", func(b *program.Builder) { bad(b) }, 125, unix.EBADF},
		{"another errno fails", func(b *program.Builder) { bad(b).On(unix.ENOENT, program.Ignore, 0) }, 125, unix.EBADF},
		{"ignore", func(b *program.Builder) { bad(b).On(unix.EBADF, program.Ignore, 0); exitWith(b, program.Num(3)) }, 3, 0},
		{"third case", func(b *program.Builder) {
			bad(b).On(unix.EIO, program.Fail, 0).On(unix.ENOENT, program.Fail, 0).On(unix.EBADF, program.Ignore, 0)
			exitWith(b, program.Num(3))
		}, 3, 0},
		{"any errno", func(b *program.Builder) { bad(b).On(0, program.Ignore, 0); exitWith(b, program.Num(4)) }, 4, 0},
		{"skip", func(b *program.Builder) {
			bad(b).On(unix.EBADF, program.Skip, 1)
			exitWith(b, program.Num(1))
			exitWith(b, program.Num(5))
		}, 5, 0},
		{"skip backwards", func(b *program.Builder) {
			l := b.Jump()
			exitWith(b, program.Num(6))
			b.Land(l)
			bad(b).On(unix.EBADF, program.Skip, -2)
		}, 6, 0},
		{"retry ends", func(b *program.Builder) { bad(b).On(unix.EBADF, program.Retry, 100) }, 125, unix.EBADF},
		{"keep", func(b *program.Builder) {
			c := b.NewCell("errno")
			bad(b).To(c).On(unix.EBADF, program.Keep, 0)
			exitWith(b, c.Value())
		}, int(unix.EBADF), 0},
		{"report", func(b *program.Builder) { b.Call(program.Report, program.Num(uint64(unix.ESTALE))) }, 125, unix.ESTALE},
		{"exit as a code", func(b *program.Builder) { b.Call(program.Exit, program.Num(7<<8)) }, 7, 0},
		{"exit as a signal", func(b *program.Builder) { b.Call(program.Exit, program.Num(9)) }, 128 + 9, 0},
		{"result in a cell", func(b *program.Builder) {
			c := b.NewCell("umask")
			b.Call(unix.SYS_UMASK, program.Num(0o21))
			b.Call(unix.SYS_UMASK, program.Num(0)).To(c)
			exitWith(b, c.Value())
		}, 0o21, 0},
		{"four bytes of a result", func(b *program.Builder) {
			c := b.NewCell("word")
			b.Preset(c, 9<<32)
			b.Call(unix.SYS_UMASK, program.Num(0o17))
			b.Call(unix.SYS_UMASK, program.Num(0)).To32(c)
			l := b.TestEqual(c.Value(), ^uint64(0), 9<<32|0o17)
			exitWith(b, program.Num(1))
			b.Land(l)
			exitWith(b, program.Num(8))
		}, 8, 0},
		{"test with a mask", func(b *program.Builder) {
			c := b.NewCell("word")
			b.Preset(c, 0xf2)
			l := b.TestEqual(c.Value(), 0x0f, 2)
			exitWith(b, program.Num(1))
			b.Land(l)
			l = b.TestSame(c.Value(), c.Value())
			exitWith(b, program.Num(1))
			b.Land(l)
			exitWith(b, program.Num(9))
		}, 9, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var b program.Builder
			tt.build(&b)
			ws, f := start(t, b.Program(), 0)
			if ws.ExitStatus() != tt.want || (f == nil) != (tt.errno == 0) || f != nil && f.Errno != tt.errno {
				t.Errorf("got status %d and failure %v, want %d and errno %d", ws.ExitStatus(), f, tt.want, tt.errno)
			}
		})
	}
}

func TestText(t *testing.T) {
	var b program.Builder
	fd := b.NewCell("fd")
	b.Note(program.Note{Verb: "open", Object: "/et\x1bc", Origin: "m:1"})
	b.Call(unix.SYS_OPENAT, program.AtCwd(), b.String("/et\x1bc"), program.Num(unix.O_PATH|unix.O_CLOEXEC), program.Num(0)).
		To(fd).On(unix.ENOENT, program.Skip, 1).On(unix.EAGAIN, program.Retry, 9).On(unix.EIO, program.Keep, 0)
	b.Call(unix.SYS_CLOSE, fd.Value()).On(0, program.Ignore, 0)
	l := b.TestEqual(fd.Value(), 0xff, 3)
	b.Call(program.Report, program.Num(5))
	b.Land(l)
	b.LandAt(b.Jump(), 0)
	b.Call(60000, b.Words("words", program.Num(1)).Addr())
	b.EnterReaper(b.Jump())
	b.Reaper(true)
	b.Call(program.Exit, fd.Value())
	const want = `child:
   1  openat(AT_FDCWD, "/et\x1bc", O_PATH|O_CLOEXEC, 00) = fd | ENOENT: skip 1 | EAGAIN: retry 9 | EIO: keep  # open "/et\x1bc" (m:1)
   2  close(fd) | error: ignore
   3  if fd&0xff == 3 go +1
   4  fail with 5
   5  go -5
   6  syscall_60000(&words, 0, 0, 0, 0, 0)
   7  go reaper
reaper:
   0  exit as fd
`
	if got := b.Program().String(); got != want {
		t.Errorf("\n got %s\nwant %s", got, want)
	}
}

// FuzzWalk runs random lists of harmless calls in a child and compares how it ends with a model.
func FuzzWalk(f *testing.F) {
	f.Add([]byte{0, 1, 2, 3, 4, 5, 6, 7})
	f.Add([]byte("\x01\x11\x21\x31\x41\x02\x12\x22"))
	f.Fuzz(func(t *testing.T, data []byte) {
		if len(data) > 40 {
			data = data[:40]
		}
		var b program.Builder
		for i, c := range data {
			arg := int(c >> 4)
			switch c & 7 {
			case 0:
				b.Call(unix.SYS_GETPID)
			case 1:
				b.Call(unix.SYS_CLOSE, program.Num(-1)).On(unix.EBADF, program.Skip, min(arg, len(data)-i-1))
			case 2:
				b.Call(unix.SYS_CLOSE, program.Num(-1)).On(unix.EBADF, program.Retry, arg+1).On(unix.EIO, program.Ignore, 0)
			case 3:
				b.LandAt(b.Jump(), min(i+1+arg, len(data)))
			case 4:
				b.LandAt(b.TestEqual(program.Num(arg), 3, 1), min(i+1+arg, len(data)))
			case 5:
				b.Call(unix.SYS_CLOSE, program.Num(-1)).On(0, program.Ignore, 0)
			case 6:
				b.Call(program.Report, program.Num(arg+1))
			case 7:
				b.Call(program.Exit, program.Num(arg<<8))
			}
		}
		b.Call(unix.SYS_EXIT_GROUP, program.Num(77))
		p := b.Program()
		if n := strings.Count(p.String(), "\n"); n != len(data)+2 {
			t.Errorf("%d lines of text for %d ops", n, len(data)+1)
		}
		index, status, errno := model(data)
		ws, failure := start(t, p, 0)
		if ws.ExitStatus() != status || (failure != nil) != (errno != 0) || failure != nil && (failure.Index != index || failure.Errno != errno) {
			t.Errorf("got status %d, failure %+v; want status %d, op %d, errno %d\n%s", ws.ExitStatus(), failure, status, index, errno, p)
		}
	})
}

// model says how the list of FuzzWalk ends: where, with which status, with which errno.
func model(data []byte) (int, int, syscall.Errno) {
	i := 0
	for i < len(data) {
		arg := int(data[i] >> 4)
		switch data[i] & 7 {
		case 1:
			i += min(arg, len(data)-i-1)
		case 2:
			return i, 125, unix.EBADF
		case 3:
			i = min(i+1+arg, len(data)) - 1
		case 4:
			if arg&3 == 1 {
				i = min(i+1+arg, len(data)) - 1
			}
		case 6:
			return i, 125, syscall.Errno(arg + 1)
		case 7:
			return i, arg, 0
		}
		i++
	}
	return 0, 77, 0
}

// FuzzOps prints and loads lists that no compiler of ours would make: neither may panic.
func FuzzOps(f *testing.F) {
	f.Add(uint16(1), uint8(3), uint8(1), uint64(0), uint64(9), uint32(4))
	f.Add(uint16(program.Test), uint8(0), uint8(7), ^uint64(0), uint64(1)<<62, uint32(0))
	f.Fuzz(func(t *testing.T, nr uint16, act, errno uint8, a, d uint64, note uint32) {
		var b program.Builder
		b.Note(program.Note{Verb: "x"})
		op := b.Call(uintptr(nr), program.Num(a), program.Num(a), program.Num(d), program.Num(d))
		op.Cases[0] = program.Case{Errno: errno, Act: program.Act(act), Target: int16(a)}
		op.Note, op.Cell = note, act
		p := b.Program()
		_ = p.String()
		var record [program.RecordLen]byte
		copy(record[:], []byte{errno, act, 0, 0, errno})
		_ = p.Failure(record).Error()
		im, err := p.Load(nil)
		if err != nil {
			t.Fatal(err)
		}
		im.Close()
	})
}
