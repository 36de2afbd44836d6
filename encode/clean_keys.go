package encode

// keyMemory has the keys of the objects that were read last, in the order in which they
// stand, those of nested objects among them: for each place the last two keys that
// differed. A program's lines are of few kinds, so that nearly every key is one of the
// two and need not be looked at any closer. Keys beyond the 32nd share the places of
// the first ones.
type keyMemory [32][2]lineKey

// lineKey is a key that needs no mask and no other look: what is remembered of it holds
// wherever it stands. Its text begins with the quotation mark, or with blanks before it,
// and ends where the value begins. The zero lineKey is no key.
type lineKey struct {
	size       int    // of its text; 0: there is none
	head       uint64 // its first eight bytes, or all of them and zeros
	mask       uint64 // has the bits that head has of the text
	middle     uint64 // the second eight bytes, if it has more than 16
	tail       uint64 // the last eight bytes, if it has more than eight
	role, rank uint8  // see roleOf; noRole also for the message
}

// maxLineKey is the length of the longest text that is remembered.
const maxLineKey = 24

// set makes k the key with this text, or the zero lineKey with this role if it is too
// long.
func (k *lineKey) set(text string, role, rank int) {
	if role == messageRole {
		role = noRole
	}
	*k = lineKey{role: uint8(role), rank: uint8(rank)}
	n := len(text)
	if n > maxLineKey {
		return
	}
	k.size = n
	if n < 8 {
		k.head, k.mask = load(text+"\x00\x00\x00\x00\x00\x00\x00\x00", 0), 1<<(8*n)-1
		return
	}
	k.head, k.mask, k.tail = load(text, 0), 1<<64-1, load(text, n-8)
	if n > 16 {
		k.middle = load(text, 8)
	}
}

// end returns the index behind the key if it stands at src[i], or else -1. It may miss
// one that is short and among the last eight bytes.
func (k *lineKey) end(src string, i int) int {
	end := i + k.size
	if k.size == 0 || i > len(src)-8 || load(src, i)&k.mask != k.head {
		return -1
	}
	if k.size > 8 && (end > len(src) || load(src, end-8) != k.tail || k.size > 16 && load(src, i+8) != k.middle) {
		return -1
	}
	return end
}
