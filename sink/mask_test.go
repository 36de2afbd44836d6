package sink

import (
	"errors"
	"flag"
	"fmt"
	"net/url"
	"strings"
	"testing"
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
