package life

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"
)

const (
	maxFileKey   = 64
	fileKeyBytes = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-"
)

// FileKey returns the name of a key's cursor file without its suffix: the key
// itself if it has 1 to 64 of the bytes A–Z a–z 0–9 . _ - and does not begin with
// a dot, else 32 hexadecimal digits of its SHA-256.
func FileKey(key string) string {
	if fileable(key) {
		return key
	}
	sum := sha256.Sum256([]byte(key))
	return hex.EncodeToString(sum[:16])
}

func fileable(key string) bool {
	return key != "" && len(key) <= maxFileKey && key[0] != '.' && strings.Trim(key, fileKeyBytes) == ""
}
