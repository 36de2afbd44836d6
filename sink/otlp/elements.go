package otlp

import (
	"iter"

	"github.com/fapilog/fapilog/encode"
)

// elements goes through the values of a JSON array, as [encode.Fields] does through the members
// of an object: they are parts of arr, nothing is allocated, and it ends at the
// first place where it cannot tell what an element is.
func elements(arr []byte) iter.Seq[encode.Raw] {
	return func(yield func(encode.Raw) bool) {
		i := space(arr, 1)
		for i < len(arr) && arr[i] != ']' {
			end := valueEnd(arr, i)
			if end < 0 || !yield(arr[i:end:end]) {
				return
			}
			if i = space(arr, end); i == len(arr) || arr[i] != ',' {
				return
			}
			i = space(arr, i+1)
		}
	}
}

// space returns the index of the first byte from i on that is not white space.
func space(s []byte, i int) int {
	for i < len(s) && (s[i] == ' ' || s[i] == '\t' || s[i] == '\n' || s[i] == '\r') {
		i++
	}
	return i
}

// valueEnd returns the index after the value that begins at i, or -1. Brackets are counted,
// not matched.
func valueEnd(s []byte, i int) int {
	switch encode.Raw(s[i:]).Kind() {
	case encode.KindInvalid:
		return -1
	case encode.KindString:
		return stringEnd(s, i)
	case encode.KindArray, encode.KindObject:
		return nestedEnd(s, i)
	}
	for ; i < len(s); i++ {
		switch s[i] {
		case ',', ']', '}', ' ', '\t', '\n', '\r':
			return i
		}
	}
	return -1 // the array's ] is missing
}

func nestedEnd(s []byte, i int) int {
	for depth := 0; i < len(s); i++ {
		switch s[i] {
		case '"':
			end := stringEnd(s, i)
			if end < 0 {
				return -1
			}
			i = end - 1
		case '{', '[':
			depth++
		case '}', ']':
			if depth--; depth == 0 {
				return i + 1
			}
		}
	}
	return -1
}

func stringEnd(s []byte, i int) int {
	for i++; i < len(s); i++ {
		switch s[i] {
		case '"':
			return i + 1
		case '\\':
			i++
		}
	}
	return -1
}
