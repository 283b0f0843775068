package sound_test

import (
	"encoding/binary"
	"math"
	"os"
	"path/filepath"
	"testing"
)

// tone writes a tone of some seconds as a file that all players know, and gives its path.
func (r *room) tone(hertz, amplitude, seconds float64) string {
	r.Helper()
	n := int(seconds * 48000)
	b := append([]byte("RIFF\x00\x00\x00\x00WAVEfmt "), 16, 0, 0, 0, 1, 0, 2, 0, 0x80, 0xbb, 0, 0, 0, 0xee, 2, 0, 4, 0, 16, 0)
	b = binary.LittleEndian.AppendUint32(append(b, "data"...), uint32(4*n))
	binary.LittleEndian.PutUint32(b[4:], uint32(36+4*n))
	for i := range n {
		v := uint16(int16(math.Round(32767 * amplitude * math.Sin(2*math.Pi*hertz*float64(i)/48000))))
		b = binary.LittleEndian.AppendUint16(binary.LittleEndian.AppendUint16(b, v), v)
	}
	path := filepath.Join(r.Home, "tone.wav")
	if err := os.WriteFile(path, b, 0o600); err != nil {
		r.Fatal(err)
	}
	return path
}

// strength is how strong a tone is in what was heard, at its best: 1 is the loudest there can be. all is
// that of all that was heard in that moment, as if it were one tone.
func strength(heard []float64, hertz float64) (tone, all float64) {
	const part = 4800
	for at := 0; at+part <= len(heard); at += part {
		var re, im, power float64
		for i, v := range heard[at : at+part] {
			phase := 2 * math.Pi * hertz * float64(i) / 48000
			re, im, power = re+v*math.Cos(phase), im+v*math.Sin(phase), power+v*v
		}
		if got := 2 * math.Hypot(re, im) / part; got > tone {
			tone, all = got, math.Sqrt(2*power/part)
		}
	}
	return tone, all
}

// wantTone checks that a tone was heard as it was made, and nothing else with it.
func wantTone(t *testing.T, heard []float64, hertz, amplitude float64) {
	t.Helper()
	tone, all := strength(heard, hertz)
	if math.Abs(tone-amplitude) > 0.02*amplitude || math.Abs(all-tone) > 0.02*amplitude {
		t.Errorf("want %v Hz at %.3f, heard %.4f of %.4f in %d samples", hertz, amplitude, tone, all, len(heard))
	}
}

// wantSilence checks that a tone was not heard.
func wantSilence(t *testing.T, heard []float64, hertz float64) {
	t.Helper()
	if tone, _ := strength(heard, hertz); tone > 0.001 {
		t.Errorf("heard %v Hz at %.4f in %d samples", hertz, tone, len(heard))
	}
}

// The measure itself.
func TestStrength(t *testing.T) {
	heard := make([]float64, 9600)
	for i := range heard {
		heard[i] = 0.25 * math.Sin(2*math.Pi*440*float64(i)/48000)
	}
	wantTone(t, heard, 440, 0.25)
	if tone, _ := strength(heard, 1000); tone > 0.001 {
		t.Errorf("heard %v of what is not there", tone)
	}
}
