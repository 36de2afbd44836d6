package encode_test

import (
	"encoding/json"
	"errors"
	"log/slog"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/fapilog/fapilog/encode"
)

// canary is what no output may show.
const canary = "hunter2"

// encoded is the record with the message msg and attrs, less time and level.
func encoded(t testing.TB, redact encode.Redact, msg string, attrs ...slog.Attr) string {
	t.Helper()
	r := slog.NewRecord(time.Time{}, slog.LevelInfo, msg, 0)
	r.AddAttrs(attrs...)
	got := string(newEncoder(t, encode.Options{Redact: redact}).AppendRecord(nil, &r, nil))
	if !json.Valid([]byte(got)) {
		t.Errorf("not JSON: %s", got)
	}
	return strings.TrimPrefix(got, `{"level":"INFO",`)
}

func TestKeysThatEndInASensitiveWordAreMasked(t *testing.T) {
	keys := []string{
		"password", "passwd", "pwd", "passphrase", "secret", "token", "apikey", "authorization", "cookie", "privatekey", "accesskey", "credentials",
		"passwords", "password_confirmation", "passcode", "secrets", "cookies", "credential", "secretKey", "aws_secret_access_key", "signing-key", "encryptionKey",
		"Password", "PASSWORD", "user_password", "db-passwd", "db.pwd", "userPassword", "client_secret", "clientSecret", "X-Api-Key", "api_key",
		"api.key", "API-KEY", "aws_access_key", "AccessKey", "private_key", "Proxy-Authorization", "Set-Cookie", "access_token", "refreshToken",
		"pass_word", "p-a-s-s-w-o-r-d", "password_", "_password", "token.", "--token--", "to_ken_", "a.b.secret", "gcp_credentials",
		"api\u212aey", "API\u212aEY", "\u017fecret", "pa\u017f\u017fword", "credential\u017f", "clé_secret", "пароль_token",
	}
	for _, key := range keys {
		if got, want := encoded(t, encode.Redact{}, "m", slog.String(key, canary)), `:"***"}`; !strings.HasSuffix(got, want) {
			t.Errorf("%q is not masked: %s", key, got)
		}
	}
}

func TestOtherKeysAreNotMasked(t *testing.T) {
	keys := []string{
		"author", "tokens_used", "tokens", "secretary", "password_hash", "cookie_count", "confirmation", "code", "key", "primary_key", "keys", "monkey", "id",
		"name", "count", "d", "n", "", "_", "...", "word", "ssword", "okie", "api", "apike", "keyapi", "pass", "password2", "tokenId", "keyword", "es", "ts", "ds", "in", "ion", "ies", "ets",
		"pass word", "password\xff", "p\xffassword2", "tokén", "секрет", "authorization_url",
	}
	for _, key := range keys {
		if got := encoded(t, encode.Redact{}, "m", slog.String(key, "visible")); !strings.HasSuffix(got, `:"visible"}`) {
			t.Errorf("%q is masked: %s", key, got)
		}
	}
}

func TestFurtherKeysMatchLikeTheDefaultOnes(t *testing.T) {
	redact := encode.Redact{Keys: []string{"Session-ID", "x", "ключ", "\u212aelvin", "time", "level", "msg"}}
	for key, masked := range map[string]bool{
		"session_id": true, "mySessionId": true, "sessionid2": false, "x": true, "X": true, "prefix": true, "y": false, "КЛЮЧ": true, "мой_ключ": true,
		"ключи": false, "kelvin": true, "password": true, "uptime": true, "time": true, "msg": true,
	} {
		if got := strings.HasSuffix(encoded(t, redact, "m", slog.String(key, canary)), `:"***"}`); got != masked {
			t.Errorf("%q: masked = %v, want %v", key, got, masked)
		}
	}
	if got := encoded(t, redact, "the message"); got != `"msg":"the message"}` {
		t.Errorf("the record's own msg is masked: %s", got)
	}
}

func TestExceptedKeysAreNotMasked(t *testing.T) {
	redact := encode.Redact{Keys: []string{"id"}, Except: []string{"Next-Page-Token", "pwd", "userId", "кл\u212atoken"}}
	for key, masked := range map[string]bool{
		"next_page_token": false, "nextPageToken": false, "token": true, "page_token": true, "my_next_page_token": true, "next_page_tokens": false,
		"pwd": false, "PWD": false, "user_pwd": true, "user_id": false, "id": true, "КЛkToken": false,
	} {
		if got := encoded(t, redact, "m", slog.String(key, "visible")); strings.HasSuffix(got, `:"***"}`) != masked {
			t.Errorf("%q: masked = %v, want %v", key, !masked, masked)
		}
	}
	e := newEncoder(t, encode.Options{Redact: redact}).WithGroup("pwd").WithAttrs([]slog.Attr{slog.Int("token", 1), slog.Int("pwd", 2)})
	r := slog.NewRecord(time.Time{}, slog.LevelInfo, "m", 0)
	if got, want := string(e.AppendRecord(nil, &r, nil)), `{"level":"INFO","msg":"m","pwd":{"token":"***","pwd":2}}`; got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	line := `{"pwd":1,"a":{"user_id":2,"token":3,"p\u0077d":4}}`
	for range 2 {
		if got, ok := e.AppendObject(nil, []byte(line)); !ok || string(got) != strings.Replace(line, "3", `"***"`, 1) {
			t.Errorf("%s", got)
		}
	}
}

func TestManyFurtherKeysAllMatch(t *testing.T) {
	var redact encode.Redact
	for c := 'a'; c <= 'z'; c++ {
		for d := 'a'; d <= 'z'; d++ {
			redact.Keys = append(redact.Keys, "zz"+string(c)+string(d))
		}
	}
	for _, key := range redact.Keys {
		if got := encoded(t, redact, "m", slog.String(key, canary)); strings.Contains(got, canary) {
			t.Errorf("%q is not masked", key)
		}
	}
}

type login struct {
	User     string
	Password any `json:"password"`
}

type vault struct{}

func (vault) MarshalJSON() ([]byte, error) {
	return []byte(`{"a":[{"token" : {"deep":["` + canary + `"]},"n":1}], "pass\u0077ord":"` + canary + `"}`), nil
}

func TestWholeValuesUnderSensitiveKeysAreMaskedAtEveryDepth(t *testing.T) {
	for name, c := range map[string]struct {
		attr slog.Attr
		want string // what stands instead of the attribute
	}{
		"string":              {slog.String("password", canary), `"password":"***"`},
		"number":              {slog.Int("pwd", 12345), `"pwd":"***"`},
		"null":                {slog.Any("secret", nil), `"secret":"***"`},
		"bool":                {slog.Bool("secret", true), `"secret":"***"`},
		"error":               {slog.Any("token", errors.New(canary)), `"token":"***"`},
		"group":               {slog.Group("credentials", "a", canary, slog.Group("b", "c", 1)), `"credentials":"***"`},
		"member of a group":   {slog.Group("g", "user", "u", "password", canary), `"g":{"user":"u","password":"***"}`},
		"inline group":        {slog.Group("", "password", canary, "a", 1), `"password":"***","a":1`},
		"map under a key":     {slog.Any("secret", map[string]int{"a": 1}), `"secret":"***"`},
		"map":                 {slog.Any("m", map[string]any{"password": canary, "z": 1}), `"m":{"password":"***","z":1}`},
		"deep map":            {slog.Any("m", map[string]any{"a": []any{map[string]any{"token": []int{1, 2}}}}), `"m":{"a":[{"token":"***"}]}`},
		"struct":              {slog.Any("s", login{"u", canary}), `"s":{"User":"u","password":"***"}`},
		"struct with null":    {slog.Any("s", login{"u", nil}), `"s":{"User":"u","password":"***"}`},
		"struct with array":   {slog.Any("s", []login{{"u", []string{canary}}, {"v", map[string]any{"password": 1}}}), `"s":[{"User":"u","password":"***"},{"User":"v","password":"***"}]`},
		"marshaler":           {slog.Any("v", vault{}), `"v":{"a":[{"token":"***","n":1}],"pass\u0077ord":"***"}`},
		"raw JSON":            {slog.Any("r", json.RawMessage(`{"Authorization":"Bearer `+canary+`","author":"me","tokens_used":7}`)), `"r":{"Authorization":"***","author":"me","tokens_used":7}`},
		"escaped key":         {slog.Any("r", json.RawMessage(`{"\u0070\u0061\u0073\u0073\u0077\u006F\u0072\u0064":1}`)), `"r":{"\u0070\u0061\u0073\u0073\u0077\u006F\u0072\u0064":"***"}`},
		"escaped Kelvin sign": {slog.Any("r", json.RawMessage(`{"api\u212aey":1}`)), `"r":{"api\u212aey":"***"}`},
		"duplicate keys":      {slog.Any("r", json.RawMessage(`{"secret":"`+canary+`","secret":{"a":"`+canary+`"},"a":1}`)), `"r":{"secret":"***","secret":"***","a":1}`},
		"valuer under a key":  {slog.Any("token", valuerPanic{canary}), `"token":"***"`},
		"group from a valuer": {slog.Any("v", valuer{slog.GroupValue(slog.String("api_key", canary))}), `"v":{"api_key":"***"}`},
		"panicking marshaler": {slog.Any("token", panicker{canary}), `"token":"***"`},
		"author":              {slog.String("author", "me"), `"author":"me"`},
		"tokens_used":         {slog.Int("tokens_used", 7), `"tokens_used":7`},
		"own keys in a map":   {slog.Any("m", map[string]any{"msg": "x"}), `"m":{"msg":"x"}`},
	} {
		t.Run(name, func(t *testing.T) {
			if got, want := encoded(t, encode.Redact{}, "m", c.attr), `"msg":"m",`+c.want+`}`; got != want {
				t.Errorf("got  %s\nwant %s", got, want)
			}
		})
	}
}

func TestGroupsWithASensitiveNameAreMaskedWhole(t *testing.T) {
	e := newEncoder(t, encode.Options{}).WithAttrs([]slog.Attr{slog.Int("a", 1)}).WithGroup("db").WithGroup("password")
	plain := slog.NewRecord(time.Time{}, slog.LevelInfo, "m", 0)
	full := plain.Clone()
	full.AddAttrs(slog.String("x", canary))
	attrs := []slog.Attr{slog.String("y", canary)}
	for name, c := range map[string]struct {
		e    *encode.Encoder
		r    slog.Record
		want string
	}{
		"nothing in it":    {e, plain, `"a":1}`},
		"record":           {e, full, `"a":1,"db":{"password":"***"}}`},
		"attrs":            {e.WithAttrs(attrs), plain, `"a":1,"db":{"password":"***"}}`},
		"attrs and record": {e.WithAttrs(attrs), full, `"a":1,"db":{"password":"***"}}`},
		"group in it":      {e.WithAttrs(attrs).WithGroup("g").WithAttrs(attrs), full, `"a":1,"db":{"password":"***"}}`},
		"group first":      {e.WithGroup("g").WithAttrs(attrs), full, `"a":1,"db":{"password":"***"}}`},
	} {
		if got, want := string(c.e.AppendRecord(nil, &c.r, nil)), `{"level":"INFO","msg":"m",`+c.want; got != want {
			t.Errorf("%s\ngot  %s\nwant %s", name, got, want)
		}
	}
}

func TestWhatReplaceAttrReturnsIsMasked(t *testing.T) {
	e := newEncoder(t, encode.Options{ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
		switch a.Key {
		case "a":
			a.Key = "password"
		case "b":
			a.Value = slog.GroupValue(slog.String("token", canary))
		case "c":
			a.Value = slog.StringValue("http://u:" + canary + "@h")
		case slog.LevelKey:
			return slog.String("secret", canary)
		case "password":
			a.Key = "unmasked on purpose"
		}
		return a
	}})
	r := slog.NewRecord(time.Time{}, slog.LevelInfo, "m", 0)
	r.AddAttrs(slog.String("a", canary), slog.Int("b", 1), slog.Int("c", 1), slog.Int("password", 2))
	want := `{"secret":"***","msg":"m","password":"***","b":{"token":"***"},"c":"http://u:***@h","unmasked on purpose":2}`
	if got := string(e.AppendRecord(nil, &r, nil)); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

func TestRedactionCanBeSwitchedOff(t *testing.T) {
	redact := encode.Redact{Off: true, Keys: []string{"x"}, Patterns: []string{"visible"}}
	want := `"msg":"http://u:visible@h","password":"visible","x":{"secret":1}}`
	if got := encoded(t, redact, "http://u:visible@h", slog.String("password", "visible"), slog.Any("x", map[string]int{"secret": 1})); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

func TestAllMistakesInTheOptionsAreReportedTogether(t *testing.T) {
	_, err := encode.New(encode.Options{MaxRecord: 1023, Redact: encode.Redact{Keys: []string{"", "ok", "_-."}, Except: []string{"ok", "-"}, Patterns: []string{"a+", "("}}})
	if err == nil {
		t.Fatal("no error")
	}
	for _, part := range []string{"MaxRecord is 1023", "Keys[0]", "Keys[2]", "Except[1]", "Patterns[1]"} {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("the error does not say %q: %v", part, err)
		}
	}
	if _, err := encode.New(encode.Options{MaxRecord: math.MaxInt}); err != nil {
		t.Errorf("a very large MaxRecord: %v", err)
	}
}
