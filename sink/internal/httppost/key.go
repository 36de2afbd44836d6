package httppost

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"

	"github.com/fapilog/fapilog/sink"
)

// BatchKey returns an idempotency key for a batch: 32 hexadecimal digits that
// depend on the ids of its records and their order, and on nothing else. So it is
// the same in every attempt for the same records, and another for a part of them.
func BatchKey(batch []sink.Record) string {
	h := sha256.New()
	var seq [8]byte
	for i := range batch {
		id := &batch[i].ID
		h.Write(id.Journal[:])
		binary.BigEndian.PutUint64(seq[:], id.Seq)
		h.Write(seq[:])
	}
	return hex.EncodeToString(h.Sum(nil)[:16])
}

// AppendID appends the text of an id, see [sink.ID.String].
func AppendID(dst []byte, id sink.ID) []byte {
	dst = append(hex.AppendEncode(dst, id.Journal[:]), '-')
	var seq [8]byte
	binary.BigEndian.PutUint64(seq[:], id.Seq)
	return hex.AppendEncode(dst, seq[:])
}
