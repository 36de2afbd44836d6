package sink

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"
)

// The canaries stand in for secrets.
const (
	userCanary     = "canaryuser"
	passwordCanary = "canarypassword"
	tokenCanary    = "canarytoken"
)

func leaked(text string) string {
	for _, canary := range []string{userCanary, passwordCanary, tokenCanary} {
		if strings.Contains(text, canary) {
			return canary
		}
	}
	return ""
}

func TestNoErrorHoldsASecret(t *testing.T) {
	if leaked("dial "+passwordCanary+"@h") == "" {
		t.Fatal("the scan does not find a canary that is there")
	}
	info := userCanary + ":" + passwordCanary + "@"
	for _, uri := range []string{
		"lok://" + info + "h",
		"loki://" + info + "h/refused?token=" + tokenCanary,
		"loki://" + info + "/",
		"loki://" + info + "h:port",
		"loki://" + info + "h/%zz?tenant=%zz",
		"loki://" + info + "h#x?lines=y",
		"loki://" + info + "h?token=" + tokenCanary + "%zz",
		"loki://h?token=" + tokenCanary + "%zz",
		"loki://h?token=%zz" + tokenCanary,
		"loki://h?token=a&token=" + tokenCanary,
		"loki://h?token=" + tokenCanary + ";x",
		"loki://h?tokn=" + tokenCanary,
		"loki://h?token=" + tokenCanary + "&lines=" + tokenCanary,
		"loki://h?token=" + tokenCanary + "&" + tokenCanary + "=1",
		"loki:" + info + "h",
		info + "h",
		userCanary + ":" + passwordCanary + "/x@h",
		"//" + info + "h",
		"loki//" + info + "h",
		"loki:/" + info + "h",
		"loki://" + userCanary + ":p/" + passwordCanary + "@h",
		"loki://" + userCanary + "/" + passwordCanary + "@h",
		"loki://" + userCanary + ":p?" + passwordCanary + "@h",
		"loki://" + userCanary + "?" + passwordCanary + "=x@h",
		"loki://" + userCanary + "?lines=" + passwordCanary + "@h",
		"loki://" + userCanary + ":p#" + passwordCanary + "@h",
		"loki://" + userCanary + "#" + passwordCanary + "@h/refused",
		"loki://" + userCanary + ":%zz" + passwordCanary + "@h",
		"loki://" + userCanary + ":p@" + passwordCanary + "@h/refused",
		"loki://" + userCanary + ": " + passwordCanary + "@h",
		"loki://" + userCanary + ":\"" + passwordCanary + "\\\"@h/refused",
		"loki://" + userCanary + ":" + passwordCanary + "%22@h/refused",
		"invalid://" + info + "h/refused",
	} {
		_, err := Parse(uri, nil)
		if err == nil {
			_, err = Open(t.Context(), uri)
		}
		if err == nil {
			t.Errorf("%s is accepted", uri)
		} else if canary := leaked(fmt.Sprintf("%v %+v %#v", err, err, err)); canary != "" {
			t.Errorf("%s: the error holds %s: %v", uri, canary, err)
		}
	}
}

func TestBadEscapeIsNotQuotedWhereItMayBePartOfASecret(t *testing.T) {
	for uri, quoted := range map[string]bool{
		"loki://h/%zz":            true,
		"loki://h?tenant=%zz":     true,
		"loki://h?%zz=1":          true,
		"loki://h?token=ab%zz":    false,
		"loki://u:%zz@h":          false,
		"loki://u:p@h/%zz":        false,
		"loki://u:p@h?tenant=%zz": false,
		"loki://u:p@h?%zz=1":      false,
	} {
		_, err := Parse(uri, nil)
		if err == nil || strings.Contains(err.Error(), "%zz") != quoted {
			t.Errorf("%s: quoted should be %t: %v", uri, quoted, err)
		}
	}
}

func TestOpenMasksWhatTheSinkSays(t *testing.T) {
	_, err := Open(t.Context(), "loki://"+userCanary+":"+url.QueryEscape(passwordCanary+`"/`)+"@h?chatty&token="+tokenCanary)
	wantError(t, err, "sink: cannot log in as *** with \"***\" and ***")
}

func TestMaskerMasksTheSecretsOfAURI(t *testing.T) {
	for _, test := range []struct{ name, uri, text, want string }{
		{"user name and password", "loki://root:pass%2Fword@h", "root pass/word pass%2Fword h", "*** *** *** h"},
		{"a password that was quoted", `loki://u:pa%22ss@h`, `"pa\"ss"`, `"***"`},
		{"a secret parameter", "loki://h?token=abcdef&tenant=visible", "abcdef visible", "*** visible"},
		{"a short password where it stands alone", "loki://u:a@h", "a password: 'a' (u:a@h)", "*** password: '***' (***:***@h)"},
		{"a secret within another", "loki://pass:password@h", "password pass", "*** ***"},
		{"a user name as package url writes it", "loki://a&b@cd@h", "loki://a&b%40cd@h", "loki://***@h"},
		{"a secret parameter of a scheme alone", "loki?token=abcdef", "abcdef", "***"},
		{"a secret parameter of a scheme in capitals", "LOKI://h?token=abcdef", "abcdef", "***"},
		{"a sink that panics", "reckless://root:word@h?token=abcdef", "root word abcdef", "*** *** abcdef"},
		{"no secret", "bare:/a/b", "a b", "a b"},
		{"a URI that cannot be parsed", "loki://root:p@ss@h:port", "root p@ss", "*** ***"},
		{"an unknown scheme", "nobody://root:word@h", "root word", "*** ***"},
	} {
		t.Run(test.name, func(t *testing.T) {
			if got := NewMasker(Secrets(test.uri)...).Text(test.text); got != test.want {
				t.Errorf("%q becomes %q, want %q", test.text, got, test.want)
			}
		})
	}
}

func TestMaskedErrorDoesNotWrapWhatItMasks(t *testing.T) {
	plain := errors.New("dial root:password")
	masker := NewMasker("root", "password")
	err := masker.Error(fmt.Errorf("opening: %w", plain))
	if errors.Is(err, plain) || err.Error() != "opening: dial ***:***" {
		t.Errorf("the error is %v", err)
	}
	if err := masker.Error(errors.ErrUnsupported); err != errors.ErrUnsupported {
		t.Errorf("the error without a secret is %v", err)
	}
}

func TestMaskerFindsEveryUsualForm(t *testing.T) {
	const secret = `a b"c/d+é&(`
	masker := NewMasker("", secret, "x")
	for _, text := range []string{
		secret, url.PathEscape(secret), url.QueryEscape(secret), url.User(secret).String(), fmt.Sprintf("%q", secret),
		"a%20b%22c%2Fd%2B%C3%A9%26%28", "x", "(x)",
	} {
		if got := masker.Text(text); !strings.Contains(got, "***") || strings.Trim(got, `*"()`) != "" {
			t.Errorf("%s becomes %s", text, got)
		}
	}
	if got := (Masker{}).Text(secret); got != secret {
		t.Errorf("the zero Masker makes %s of %s", got, secret)
	}
}

func TestMaskerFindsWhatAServerRepeatsInAnEscapedForm(t *testing.T) {
	masker := NewMasker("ab/c+d&é==", "p w", "longer-secret", "secret-and-more", "smile😀")
	for text, want := range map[string]string{
		`{"error":"bad ab\/c+d&é=="}`:                           `{"error":"bad ***"}`,
		`{"error":"bad ab/c\u002bd\u0026\u00e9\u003d\u003D\n"}`: `{"error":"bad ***\n"}`,
		`{"error":"{\"token\":\"ab\\/c+d&é==\"}"}`:              `{"error":"{\"token\":\"***\"}"}`,
		"in=ab%2fc%2bd%26%c3%a9%3d%3d&x=%2f":                    "in=***&x=%2f",
		"in=ab%2Fc+d&é==":                                       "in=***",
		"in=ab%252Fc%252Bd%2526%25C3%25A9%253D%253D.":           "in=***.",
		`"in=ab%2Fc+d\u0026é=="`:                                `"in=***"`,
		`"ab\x2fc+d&\xc3\xa9=="`:                                `"***"`,
		`"smile\ud83d\ude00 smile\ud83d smile\ude00\ud83d"`:     `"*** smile\ud83d smile\ude00\ud83d"`,
		"p+w p%20w p w xp w":                                    "*** *** *** xp w",
		"longer-secret-and-more":                                "***",
		"longer-secretlonger-secret":                            "******",
		`C:\new\u00 100% %zz %4 \`:                              `C:\new\u00 100% %zz %4 \`,
	} {
		if got := masker.Text(text); got != want {
			t.Errorf("%s becomes %s, want %s", text, got, want)
		}
	}
}

var lowerHex = regexp.MustCompile("%[0-9A-F]{2}")

// FuzzMasker: however a secret is escaped, and whatever is beside it, it is masked.
func FuzzMasker(f *testing.F) {
	f.Add("before ", "ab/c+d==", " after")
	f.Add(`\u00`, "a%2Fb c", "%")
	f.Add("", `\`, `\`)
	f.Fuzz(func(t *testing.T, before, secret, after string) {
		quoted, err := json.Marshal(secret)
		if err != nil || len(secret) < wholeWord || !utf8.ValidString(secret) {
			return
		}
		masker := NewMasker(secret)
		for _, form := range []string{
			secret, string(quoted[1 : len(quoted)-1]), strconv.Quote(secret), url.QueryEscape(secret), url.PathEscape(secret), lowerHex.ReplaceAllStringFunc(url.QueryEscape(secret), strings.ToLower),
		} {
			got := masker.Text(before + " " + form + " " + after)
			if !strings.Contains(got, masked) {
				t.Errorf("%q in %q is not masked: %q", secret, form, got)
			}
		}
	})
}

func TestLongValueIsMaskedBeforeItIsCut(t *testing.T) {
	const secret = passwordCanary + "/and/very/long/as/tokens/are"
	long := strings.Repeat("0", 50)
	for _, uri := range []string{
		"loki://h?token=" + secret + "&lines=" + long + secret,
		"loki://h?token=" + secret + "&" + long + secret + "=1",
		"loki://me:" + url.PathEscape(secret) + "@h?lines=" + long + secret,
		"loki://h?lines=" + long + "given" + secret, // given besides
	} {
		_, err := Parse(uri, nil, "given"+secret)
		if err == nil || leaked(err.Error()) != "" || !strings.Contains(err.Error(), long) {
			t.Errorf("%s: %v", uri, err)
		}
		if len(err.Error()) > 200 {
			t.Errorf("%s: nothing is cut: %v", uri, err)
		}
	}
}

func TestSecretThatBindAddsIsNotPrinted(t *testing.T) {
	_, err := Parse("loki://h?key="+tokenCanary+"&lines="+tokenCanary, func(fs *flag.FlagSet) { fs.Var(new(Secret), "key", "") })
	if err == nil || leaked(err.Error()) != "" {
		t.Error(err)
	}
}

// FuzzParse: whatever surrounds a user name, a password and a token, percent-encoded
// or not, Parse returns, and no error holds them.
func FuzzParse(f *testing.F) {
	for _, s := range []string{
		"", "loki", "://", ":3100", "/refused", "?", "&", "?lines=x", "?chatty", "?tokn=", "#", "%zz", "%40", "@", ":", "=", "bare", ";", "\x00", "é", "+",
	} {
		f.Add(s, ":", s, s)
		f.Add("loki:", s, "", "")
		f.Add("loki://h", ":p"+s, s, "")
	}
	f.Fuzz(func(t *testing.T, start, between, after, end string) {
		_, _ = Parse(start+after+end, nil)
		separator := "?"
		if strings.Contains(after, "?") {
			separator = "&"
		}
		uri := "loki://" + userCanary + between + passwordCanary + "@h" + after + separator + "token=" + tokenCanary + end
		_, err := Open(t.Context(), uri)
		if err != nil && leaked(err.Error()) != "" {
			t.Errorf("%q: %v", uri, err)
		}
	})
}
