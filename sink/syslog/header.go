package syslog

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// The longest values of the header's fields: RFC 5424, section 6.
const (
	maxHostname = 255
	maxAppName  = 48
	maxProcID   = 128
	maxMsgID    = 32
	maxSDName   = 32
)

// nilValue stands for what is not known: RFC 5424, section 6.
const nilValue = "-"

// header returns what stands between the time and the structured data, with a space
// on both sides.
func (c *Config) header() string {
	host := c.Hostname
	if host == "" {
		host, _ = os.Hostname()
	}
	return " " + strings.Join([]string{
		printable(host, maxHostname),
		printable(cmp.Or(c.AppName, programName()), maxAppName),
		printable(cmp.Or(c.ProcID, strconv.Itoa(os.Getpid())), maxProcID),
		printable(c.MsgID, maxMsgID),
	}, " ") + " "
}

// programName returns the name of the program that runs, or nothing.
func programName() string {
	if len(os.Args) == 0 || os.Args[0] == "" {
		return ""
	}
	return strings.TrimSuffix(filepath.Base(os.Args[0]), ".exe")
}

// printable returns text as 1 to limit characters of PRINTUSASCII (RFC 5424, section
// 6), others replaced by _; the nil value for an empty one.
func printable(text string, limit int) string {
	return cmp.Or(fit(text, limit, func(r rune) bool { return '!' <= r && r <= '~' }), nilValue)
}

// fitSDName does so for an SD-NAME. It is empty for an empty text.
func fitSDName(text string) string { return fit(text, maxSDName, isSDName) }

func isSDName(r rune) bool {
	return '!' <= r && r <= '~' && r != '=' && r != ']' && r != '"'
}

func fit(text string, limit int, allowed func(rune) bool) string {
	text = strings.Map(func(r rune) rune {
		if allowed(r) {
			return r
		}
		return '_'
	}, text)
	return text[:min(len(text), limit)]
}

// checkFields reports what cannot be structured data.
func (c *Config) checkFields() error {
	var errs []error
	seen := make(map[string]bool)
	for _, field := range c.Fields {
		name := fitSDName(field)
		if name == "" {
			errs = append(errs, errors.New("fields has an empty name; leave it out"))
		}
		if seen[name] {
			errs = append(errs, fmt.Errorf("field %.64q is given twice, or two names become it where they are made to fit", name))
		}
		seen[name] = true
	}
	return errors.Join(append(errs, checkSDID(c.sdID()))...)
}

func (c *Config) sdID() string { return cmp.Or(c.SDID, defaultSDID) }

// checkSDID reports what is not an id of one's own: RFC 5424, section 7.2.2. Those
// without @ belong to the IANA.
func checkSDID(id string) error {
	name, number, ok := strings.Cut(id, "@")
	valid := ok && name != "" && len(id) <= maxSDName && fit(id, maxSDName, isSDName) == id
	for part := range strings.SplitSeq(number, ".") {
		valid = valid && part != "" && strings.Trim(part, "0123456789") == ""
	}
	if !valid {
		return fmt.Errorf("sd-id %.64q: want name@number, up to 32 characters; the number is your organization's among the IANA's private enterprise numbers", id)
	}
	return nil
}
