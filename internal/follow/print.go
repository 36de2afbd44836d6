package follow

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
)

// printBytes is how much of a file's beginning, and of what was read last, goes into
// its print.
const printBytes = 1024

// print tells a file that was read up to some offset from one with other content. It
// is of the first bytes and of the last ones before the offset, printBytes of each
// unless the offset is less.
type print struct {
	Head sum `json:"head"`
	Tail sum `json:"tail"`
}

// sum is the SHA-256 of a number of bytes. The zero value is that of none.
type sum struct {
	Bytes int    `json:"bytes"`
	Hash  digest `json:"sha256"`
}

// digest is written as hexadecimal digits.
type digest [sha256.Size]byte

// MarshalText implements encoding.TextMarshaler.
func (d digest) MarshalText() ([]byte, error) { return hex.AppendEncode(nil, d[:]), nil }

// UnmarshalText implements encoding.TextUnmarshaler.
func (d *digest) UnmarshalText(text []byte) error {
	if len(text) != hex.EncodedLen(len(d)) {
		return errors.New("a SHA-256 has 64 hexadecimal digits")
	}
	_, err := hex.Decode(d[:], text)
	return err
}

func sumOf(b []byte) sum {
	if len(b) == 0 {
		return sum{}
	}
	return sum{len(b), sha256.Sum256(b)}
}

// of reports whether b begins with the bytes that s is of.
func (s sum) of(b []byte) bool { return len(b) >= s.Bytes && sumOf(b[:s.Bytes]) == s }

// printAt reads the print of a file up to an offset, which the file may not reach: then
// it is the print of another.
func printAt(r io.ReaderAt, offset int64) (p print, err error) {
	b := make([]byte, min(printBytes, offset))
	if err := readFull(r, b, 0); err != nil {
		return p, err
	}
	p.Head = sumOf(b)
	if err := readFull(r, b, offset-int64(len(b))); err != nil {
		return p, err
	}
	p.Tail = sumOf(b)
	return p, nil
}

// matches reports whether what r holds before offset has print p.
func (p print) matches(r io.ReaderAt, offset int64) (bool, error) {
	now, err := printAt(r, offset)
	if errors.Is(err, io.ErrUnexpectedEOF) {
		return false, nil
	}
	return err == nil && now == p, err
}

// readFull reads all of b, or returns io.ErrUnexpectedEOF.
func readFull(r io.ReaderAt, b []byte, offset int64) error {
	n, err := r.ReadAt(b, offset)
	switch {
	case n == len(b):
		return nil
	case err == io.EOF:
		return io.ErrUnexpectedEOF
	}
	return err
}
