package encode

import (
	"strings"
	"testing"
)

func TestWholeTextIsThatWithoutASpecialByte(t *testing.T) {
	for length := range 26 {
		for at := range length {
			for c := range 256 {
				text := strings.Repeat("a", at) + string([]byte{byte(c)}) + strings.Repeat("~", length-at-1)
				special := c < ' ' || c > 0x7f || c == '"' || c == '\\' || c == '@'
				for _, room := range []int{0, 100} {
					got, ok := appendWhole(append(make([]byte, 0, 1+room), '['), text)
					want := "["
					if !special {
						want += text
					}
					if string(got) != want || ok == special {
						t.Fatalf("%q: %q, %v, want %q", text, got, ok, want)
					}
				}
				if got := plainPrefix(text); got != at && special || got != length && !special {
					t.Fatalf("%q: %d bytes are plain", text, got)
				}
			}
		}
	}
}
