package sinktest

import (
	"bytes"
	"runtime"
	"strings"
)

// goroutines returns those of the caller's bubble by number, each with the function
// that it is in and where it was started. There are none if the runtime does not tell
// bubbles; then what is left blocked ends the bubble by a panic all the same.
func goroutines() map[string]string {
	var bubble string
	all := map[string]string{}
	for i, stack := range strings.Split(string(stacks()), "\n\n") {
		header, frames, _ := strings.Cut(stack, "\n")
		id, of := goroutine(header)
		if i == 0 {
			bubble = of // the caller's comes first
		}
		if of != "" && of == bubble {
			all[id] = summary(frames)
		}
	}
	return all
}

// goroutine returns the number and the bubble in the first line of a stack:
// goroutine 10 [chan receive (durable), synctest bubble 1]:
func goroutine(header string) (id, bubble string) {
	id, state, _ := strings.Cut(header, " [")
	_, bubble, _ = strings.Cut(state, "synctest bubble ")
	return id, strings.TrimRight(bubble, "]:")
}

func stacks() []byte {
	for size := 1 << 16; ; size *= 2 {
		b := make([]byte, size)
		if n := runtime.Stack(b, true); n < size {
			return bytes.TrimSpace(b[:n])
		}
	}
}

// summary returns the first and the last function of a stack.
func summary(frames string) string {
	lines := strings.Split(frames, "\n")
	for i := len(lines) - 1; i > 0; i-- {
		if strings.HasPrefix(lines[i], "created by ") {
			return lines[0] + ", " + lines[i]
		}
	}
	return lines[0]
}
