package disk

import "sync/atomic"

// Mapping is a file's bytes in memory. An access faults when the file has been
// truncated, its device fails or is full: it belongs under [Guard], or under a
// defer of the caller's with [FaultIn].
//
// What concurrent accesses do to each other is as with other memory. None may
// overlap with Unmap.
type Mapping struct {
	bytes []byte
	words []uint64
	gone  atomic.Bool
}

// Bytes is the mapped memory; nil once it is unmapped.
func (m *Mapping) Bytes() []byte { return m.bytes }

// Words is the same memory as words in the machine's byte order.
func (m *Mapping) Words() []uint64 { return m.words }

// Populate has every page in memory and writable, so that writers do not wait
// for it and an error comes here instead of a fault there. Others may read and
// write the memory meanwhile.
func (m *Mapping) Populate() error {
	if len(m.bytes) == 0 {
		return nil
	}
	return populate(m)
}

// Unmap ends the mapping; what was written stays in the file. Further calls do
// nothing.
func (m *Mapping) Unmap() error {
	if m.gone.Swap(true) {
		return nil
	}
	b := m.bytes
	m.bytes, m.words = nil, nil
	return unmap(b)
}
