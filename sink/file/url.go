package file

import (
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
)

// SetURL implements [sink.Opener]. The forms are those of RFC 8089 (file:///path,
// file://localhost/path, file:/path) and, beyond it, file:path for a relative path.
func (c *Config) SetURL(u *url.URL) error {
	if u.User != nil {
		return errors.New("a file has no user name or password")
	}
	if u.Host != "" && !strings.EqualFold(u.Host, "localhost") {
		return fmt.Errorf("host %q: a file has no host but localhost; write file:///path, or file:path for a relative path", u.Host)
	}
	path := u.Path
	if u.Opaque != "" {
		var err error
		if path, err = url.PathUnescape(u.Opaque); err != nil {
			return fmt.Errorf("path: %w", err)
		}
	}
	if len(path) > 1 && filepath.VolumeName(path[1:]) != "" {
		path = path[1:] // file:///C:/path, on Windows only
	}
	c.Path = filepath.FromSlash(path)
	return checkPath(c.Path)
}

// checkPath reports a path that can name no file.
func checkPath(path string) error {
	switch {
	case path == "":
		return errors.New("path missing; write file:///path, or file:path for a relative path")
	case strings.IndexByte(path, 0) >= 0:
		return errors.New("path has a NUL character in it")
	case os.IsPathSeparator(path[len(path)-1]):
		return fmt.Errorf("path %q names a directory; add the name of a file", path)
	}
	return nil
}
