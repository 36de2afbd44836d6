package encode

import "slices"

// keyCache has the text of keys that have been written before and need neither a mask
// nor an escape. A program has few keys and repeats them in every record. Each of
// them has one place, where another may replace it.
type keyCache [64]cachedKey

// cachedKey is a key of 1 to maxCachedKey bytes, or empty.
type cachedKey struct {
	head, tail uint64 // identify it, with its length: see fingerprint
	length     int
	text       [24]byte // with the comma before it, quotation marks and colon
}

const maxCachedKey = 16

// fingerprint returns two words that all keys of the same length differ in, and no
// more than maxCachedKey bytes long.
func fingerprint(key string) (head, tail uint64) {
	switch n := len(key); {
	case n >= 8:
		return load(key, 0), load(key, n-8)
	case n >= 4:
		return uint64(load4(key, 0)), uint64(load4(key, n-4))
	default:
		return uint64(key[0]) | uint64(key[n/2])<<8, uint64(key[n-1])
	}
}

// place returns where a key with this fingerprint may be. (The factor is 2⁶⁴ over
// the golden ratio, as in Fibonacci hashing: Knuth, volume 3, section 6.4.)
func (c *keyCache) place(head, tail uint64) *cachedKey {
	const factor = 0x9e3779b97f4a7c15
	return &c[(head^tail<<7)*factor>>58]
}

// find returns key's entry, or nil.
func (c *keyCache) find(key string) *cachedKey {
	if uint(len(key)-1) >= maxCachedKey {
		return nil
	}
	head, tail := fingerprint(key)
	if k := c.place(head, tail); k.length == len(key) && k.head == head && k.tail == tail {
		return k
	}
	return nil
}

// add remembers key, whose values need no mask, unless it is too long or not plain.
func (c *keyCache) add(key string) {
	if uint(len(key)-1) >= maxCachedKey || plainPrefix(key) < len(key) {
		return
	}
	head, tail := fingerprint(key)
	k := c.place(head, tail)
	k.head, k.tail, k.length = head, tail, len(key)
	text := append(k.text[:0], `,"`...)
	text = append(text, key...)
	_ = append(text, `":`...)
}

// append appends the key with the comma before it.
func (k *cachedKey) append(dst []byte) []byte {
	n := len(dst)
	dst = slices.Grow(dst, len(k.text))
	*(*[len(k.text)]byte)(dst[n : n+len(k.text)]) = k.text // as much as three moves take
	return dst[:n+k.length+len(`,"":`)]
}
