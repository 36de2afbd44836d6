package cli

import (
	"os"
)

// screen is the size of a terminal, in characters. Zero: it is no terminal, or one
// that the cursor cannot be moved on.
type screen struct{ columns, rows int }

// screenOf returns the size of w as it is now.
func screenOf(w any) screen {
	f, ok := w.(*os.File)
	if !ok || f == nil {
		return screen{}
	}
	return sizeOf(f)
}

// plain reports whether the environment asks for text and nothing else
// (https://no-color.org; a dumb terminal has no cursor to move).
func plain() bool { return os.Getenv("NO_COLOR") != "" || os.Getenv("TERM") == "dumb" }

// orUsual replaces what a terminal does not tell.
func (s screen) orUsual() screen {
	if s.columns <= 0 {
		s.columns = 80
	}
	if s.rows <= 0 {
		s.rows = 24
	}
	return s
}
