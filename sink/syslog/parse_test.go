package syslog

import (
	"bytes"
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"testing"
	"time"
	"unicode/utf8"
)

// message is one by RFC 5424, section 6.
type message struct {
	facility, severity           int
	time                         time.Time // zero: the nil value
	host, app, procID, msgID, id string    // id: of the element; empty: no structured data
	params                       [][2]string
	text                         string
}

var (
	headerPattern = regexp.MustCompile(`^<(0|[1-9][0-9]{0,2})>1 (-|[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]{1,6})?(?:Z|[+-][0-9]{2}:[0-9]{2})) ([!-~]{1,255}) ([!-~]{1,48}) ([!-~]{1,128}) ([!-~]{1,32}) `)
	namePattern   = regexp.MustCompile(`^[!#-<>-\\^-~]{1,32}`)
)

// parse reads a message by the letter of the RFC, and accepts no more than one
// element: the sink sends no more.
func parse(b []byte) (m message, err error) {
	h := headerPattern.FindSubmatch(b)
	if h == nil {
		return m, fmt.Errorf("no header: %.80q", b)
	}
	pri, _ := strconv.Atoi(string(h[1]))
	if pri > 191 {
		return m, errors.New("PRIVAL over 191")
	}
	m.facility, m.severity = pri/8, pri%8
	if string(h[2]) != "-" {
		if m.time, err = time.Parse(time.RFC3339Nano, string(h[2])); err != nil {
			return m, err
		}
	}
	m.host, m.app, m.procID, m.msgID = string(h[3]), string(h[4]), string(h[5]), string(h[6])
	rest, err := m.parseData(b[len(h[0]):])
	switch {
	case err != nil:
		return m, err
	case len(rest) == 0:
		return m, nil
	case rest[0] != ' ':
		return m, fmt.Errorf("no space behind the structured data: %.20q", rest)
	case bytes.HasPrefix(rest[1:], []byte("\ufeff")):
		return m, errors.New("a byte order mark, which the sink does not send")
	}
	m.text = string(rest[1:])
	return m, nil
}

func (m *message) parseData(b []byte) (rest []byte, err error) {
	if rest, ok := bytes.CutPrefix(b, []byte("-")); ok {
		return rest, nil
	}
	if len(b) == 0 || b[0] != '[' {
		return nil, fmt.Errorf("no structured data: %.20q", b)
	}
	id := namePattern.Find(b[1:])
	if id == nil {
		return nil, errors.New("no SD-ID")
	}
	m.id = string(id)
	b = b[1+len(id):]
	for len(b) > 0 && b[0] == ' ' {
		name := namePattern.Find(b[1:])
		if name == nil {
			return nil, fmt.Errorf("no PARAM-NAME: %.20q", b)
		}
		b = b[1+len(name):]
		if !bytes.HasPrefix(b, []byte(`="`)) {
			return nil, fmt.Errorf("no value: %.20q", b)
		}
		value, behind, err := parseValue(b[2:])
		if err != nil {
			return nil, err
		}
		m.params = append(m.params, [2]string{string(name), value})
		b = behind
	}
	if len(b) == 0 || b[0] != ']' {
		return nil, fmt.Errorf("no end of the element: %.20q", b)
	}
	return b[1:], nil
}

func parseValue(b []byte) (value string, rest []byte, err error) {
	var text []byte
	for i := 0; i < len(b); i++ {
		switch b[i] {
		case '"':
			if !utf8.Valid(text) {
				return "", nil, errors.New("PARAM-VALUE is not UTF-8")
			}
			return string(text), b[i+1:], nil
		case ']':
			return "", nil, errors.New("] in a PARAM-VALUE is not escaped")
		case '\\':
			i++
			if i == len(b) || !bytes.ContainsRune([]byte(`"\]`), rune(b[i])) {
				return "", nil, errors.New("a lone backslash in a PARAM-VALUE")
			}
		}
		text = append(text, b[i])
	}
	return "", nil, errors.New("no end of a PARAM-VALUE")
}

// The examples of RFC 5424, sections 6.3.5 and 6.5, less those that the sink has no use
// for, and what is none.
func TestTheParserOfTheTestsIsStrict(t *testing.T) {
	for _, good := range []string{
		`<34>1 2003-10-11T22:14:15.003Z mymachine.example.com su - ID47 - 'su root' failed for lonvick on /dev/pts/8`,
		`<165>1 2003-08-24T05:14:15.000003-07:00 192.0.2.1 myproc 8710 - - %% It's time to make the do-nuts.`,
		`<165>1 2003-10-11T22:14:15.003Z mymachine.example.com evntslog - ID47 [exampleSDID@32473 iut="3" eventSource="Application" eventID="1011"] An application event log entry...`,
		`<165>1 - - - - - [exampleSDID@32473 iut="a\"b\\c\]"]`,
		`<0>1 - - - - - -`,
	} {
		if _, err := parse([]byte(good)); err != nil {
			t.Errorf("%s: %v", good, err)
		}
	}
	for _, bad := range []string{
		``, `<192>1 - - - - - -`, `<01>1 - - - - - -`, `<1>2 - - - - - -`, `<1>1 2003-08-24T05:14:15.000000003Z - - - - -`, `<1>1 2003-13-24T05:14:15Z - - - - -`,
		`<1>1 - - - - -`, `<1>1 -  - - - -`, `<1>1 - - - - - `, `<1>1 - - - - - [a b="c"`, `<1>1 - - - - - [a b=c]`, `<1>1 - - - - - [a b="]"]`,
		`<1>1 - - - - - [a b="\n"]`, `<1>1 - - - - - [a=b c="d"]`, `<1>1 - - - - - [a b="c"]x`, "<1>1 - - - - - [a b=\"\xff\"]", "<1>1 - - - - - - \ufeffx",
	} {
		if m, err := parse([]byte(bad)); err == nil {
			t.Errorf("%q is accepted: %+v", bad, m)
		}
	}
}
