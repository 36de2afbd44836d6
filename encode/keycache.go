package encode

import "encoding/binary"

// keyCache has the text of keys that have been written before and need neither a mask
// nor an escape. A program has few keys and repeats them in every record. Each of
// them has one place, where another may replace it.
type keyCache [64]cachedKey

// cachedKey is a key of 1 to maxCachedKey bytes, or empty.
type cachedKey struct {
	head, tail uint64   // identify it, with its size: see fingerprint
	size       int      // of text
	text       [24]byte // with the comma before it, quotation marks and colon
}

const maxCachedKey = 16

// fingerprint returns two words that all keys of the same length differ in, if they are
// no more than maxCachedKey bytes long.
func fingerprint(key string) (head, tail uint64) {
	b := []byte(key) // read only, which is no copy
	switch n := len(b); {
	case n >= 8:
		return binary.LittleEndian.Uint64(b), binary.LittleEndian.Uint64(b[n-8:])
	case n >= 4:
		return uint64(binary.LittleEndian.Uint32(b)), uint64(binary.LittleEndian.Uint32(b[n-4:]))
	case n > 0:
		return uint64(b[0]) | uint64(b[n/2])<<8, uint64(b[n-1])
	}
	return 0, 0
}

// place returns where a key with this fingerprint may be. (The factor is 2⁶⁴ over
// the golden ratio, as in Fibonacci hashing: Knuth, volume 3, section 6.4.)
func (c *keyCache) place(head, tail uint64) *cachedKey {
	const factor = 0x9e3779b97f4a7c15
	return &c[(head^tail<<7)*factor>>58]
}

// is reports whether k is the key with this fingerprint. It, place and fingerprint are
// small enough to be inlined where they are called, and together they are not.
func (k *cachedKey) is(key string, head, tail uint64) bool {
	return k.size == len(key)+len(`,"":`) && k.head == head && k.tail == tail
}

// add remembers key, whose values need no mask, unless it is too long or not plain.
func (c *keyCache) add(key string) {
	if uint(len(key)-1) >= maxCachedKey || plainPrefix(key) < len(key) {
		return
	}
	head, tail := fingerprint(key)
	k := c.place(head, tail)
	k.head, k.tail = head, tail
	text := append(k.text[:0], `,"`...)
	text = append(text, key...)
	k.size = len(append(text, `":`...))
}
