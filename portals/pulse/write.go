package pulse

import "encoding/binary"

// begin appends a frame with a command and a tag to b; finish says how long it became.
func begin(b []byte, command, tag uint32) []byte {
	b = append(b, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0)
	return number(number(b, command), tag)
}

// finish is called with a frame alone in b.
func finish(b []byte) []byte {
	binary.BigEndian.PutUint32(b, uint32(len(b)-headSize))
	return b
}

func number(b []byte, n uint32) []byte { return binary.BigEndian.AppendUint32(append(b, 'L'), n) }

// text appends a text without zero bytes; nil is none.
func text(b, s []byte) []byte {
	if s == nil {
		return append(b, 'N')
	}
	return append(append(append(b, 't'), s...), 0)
}

func truth(b []byte, is bool) []byte {
	if is {
		return append(b, '1')
	}
	return append(b, '0')
}

// property appends one of a list of properties. Texts among them end in a zero byte.
func property(b []byte, name string, value []byte) []byte {
	b = append(append(append(b, 't'), name...), 0)
	b = number(b, uint32(len(value)))
	b = binary.BigEndian.AppendUint32(append(b, 'x'), uint32(len(value)))
	return append(b, value...)
}

// failure is an answer that says why not.
func failure(b []byte, tag, code uint32) []byte {
	return finish(number(begin(b, cmdError, tag), code))
}
