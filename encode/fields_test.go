package encode

import (
	"bytes"
	"encoding/json"
	"fmt"
	"reflect"
	"testing"
	"unicode/utf8"
)

func fieldsPairs(obj string) (pairs []string) {
	for k, v := range Fields([]byte(obj)) {
		pairs = append(pairs, string(k), string(v))
	}
	return pairs
}

func TestFieldsGivesMembersInOrder(t *testing.T) {
	for _, tt := range []struct {
		obj  string
		want []string
	}{
		{`{}`, nil},
		{` { } `, nil},
		{`{"a":1}`, []string{"a", "1"}},
		{"\t{ \"a\" : -1.5e3 ,\r\n\"b\" :\"x\" } ", []string{"a", "-1.5e3", "b", `"x"`}},
		{`{"a":{"b":[1,{"c":"}]"}]},"d":[],"e":{}}`, []string{"a", `{"b":[1,{"c":"}]"}]}`, "d", "[]", "e", "{}"}},
		{`{"a":true,"a":false,"a":null}`, []string{"a", "true", "a", "false", "a", "null"}},
		{`{"":"","q\"\\":"\\","\u0061":"\""}`, []string{"", `""`, `q\"\\`, `"\\"`, `\u0061`, `"\""`}},
	} {
		if got := fieldsPairs(tt.obj); !reflect.DeepEqual(got, tt.want) {
			t.Errorf("%s: %q, want %q", tt.obj, got, tt.want)
		}
	}
}

func TestFieldsEndsAtTheFirstMistake(t *testing.T) {
	for _, tt := range []struct {
		obj  string
		want int // members before it
	}{
		{``, 0}, {`null`, 0}, {`[1]`, 0}, {`"a"`, 0}, {`{`, 0}, {`{"`, 0}, {`{"a`, 0}, {`{"a\`, 0}, {`{"a\"`, 0},
		{`{"a"`, 0}, {`{"a":`, 0}, {`{"a":1`, 0}, {`{"a":"`, 0}, {`{"a":{`, 0}, {`{"a":["]}`, 0}, {`{"a":}`, 0}, {`{"a" 1}`, 0}, {`{a:1}`, 0},
		{`{"a":1,`, 1}, {`{"a":1,}`, 1}, {`{"a":1 "b":2}`, 1}, {`{"a":1,"b":x}`, 1}, {`{"a":1,"b":2]`, 2},
	} {
		if got := len(fieldsPairs(tt.obj)) / 2; got != tt.want {
			t.Errorf("%s: %d members, want %d", tt.obj, got, tt.want)
		}
	}
}

func TestFieldsCanBeLeftEarly(t *testing.T) {
	n := 0
	for range Fields([]byte(`{"a":1,"b":2,"c":3}`)) {
		if n++; n == 2 {
			break
		}
	}
	if n != 2 {
		t.Errorf("%d members after break at 2", n)
	}
}

func TestElementsGivesValuesUpToTheFirstMistake(t *testing.T) {
	for arr, want := range map[string][]string{
		`[]`: nil, ` [ ] `: nil, `[1]`: {"1"}, "\t[ -1.5e3 ,\r\n\"x\" ] ": {"-1.5e3", `"x"`},
		`[{"a":["]"]},[[]],null,true]`: {`{"a":["]"]}`, `[[]]`, "null", "true"},
		``:                             nil, `{}`: nil, `1`: nil, `[`: nil, `[1`: nil, `["`: nil, `[[]`: {"[]"}, `[x]`: nil, `[,1]`: nil,
		`[1,`: {"1"}, `[1,]`: {"1"}, `[1 2]`: {"1"}, `["a":1]`: {`"a"`}, `[1,2}`: {"1", "2"},
	} {
		var got []string
		for v := range Elements([]byte(arr)) {
			got = append(got, string(v))
		}
		if !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %q, want %q", arr, got, want)
		}
	}
	for v := range Elements([]byte(`[1,2,3]`)) {
		if string(v) == "2" {
			break
		}
	}
}

func TestKindIsToldByTheFirstByte(t *testing.T) {
	for raw, want := range map[string]Kind{
		"": KindInvalid, "x": KindInvalid, "null": KindNull, "true": KindBool, "false": KindBool, "0": KindNumber, "-1": KindNumber,
		`""`: KindString, "[]": KindArray, "{}": KindObject,
	} {
		if got := Raw(raw).Kind(); got != want {
			t.Errorf("%q: kind %d, want %d", raw, got, want)
		}
	}
}

func TestKeyIsComparedByItsMeaning(t *testing.T) {
	for _, tt := range []struct {
		key, name string
		want      bool
	}{
		{"msg", "msg", true}, {"msg", "msgs", false}, {"msgs", "msg", false}, {"Msg", "msg", false}, {"", "", true},
		{`m\u0073g`, "msg", true}, {`m\u0073`, "msg", false}, {`\ud83d\ude00`, "😀", true}, {`a\/b`, "a/b", true}, {"ü", "ü", true}, {`\u00fc`, "ü", true},
	} {
		if got := Key(tt.key).Is(tt.name); got != tt.want {
			t.Errorf("Key(%q).Is(%q) = %v", tt.key, tt.name, got)
		}
	}
}

func TestUnquoteReplacesWhatIsNoText(t *testing.T) {
	for _, tt := range []struct{ raw, want string }{
		{`"plain"`, "plain"}, {`plain`, "plain"}, {`""`, ""}, {``, ""}, {`"`, ""},
		{`"\"\\\/\b\f\n\r\t"`, "\"\\/\b\f\n\r\t"},
		{`"\u00e9\u2028\u0000"`, "é\u2028\x00"},
		{`"\ud83d\ude00"`, "😀"},
		{`"\ud83d"`, "\ufffd"}, {`"\ud83dx"`, "\ufffdx"}, {`"\ude00\ud83d"`, "\ufffd\ufffd"}, {`"\ud83d\u0041"`, "\ufffdA"},
		{"\"a\xffb\xc3\"", "a\ufffdb\ufffd"},
		{`"\x41"`, "\ufffd41"}, {`"\u12"`, "\ufffd12"}, {`"\u12g4"`, "\ufffd12g4"}, {`abc\`, "abc\ufffd"}, {`"\é"`, "\ufffd"},
	} {
		if got := string(Unquote(nil, []byte(tt.raw))); got != tt.want {
			t.Errorf("%s: %q, want %q", tt.raw, got, tt.want)
		}
	}
	if got := string(Unquote([]byte("a="), []byte(`"b"`))); got != "a=b" {
		t.Errorf("appended to a=: %q", got)
	}
}

// FuzzFields compares with encoding/json whatever that takes, and demands of the
// rest only that nothing panics and every part lies in the input, in order.
func FuzzFields(f *testing.F) {
	for _, s := range []string{
		`{"time":"2024-01-02T03:04:05Z","level":"INFO","msg":"a\u0000\ud83d\ude00","a":{"b":[1,2,{"c":null}]}}`,
		"{\"\xff\":\"\\ud800\",\"a\\\"\":-1e9 }", `{"a":1,,}`, `{"a`, `{"a":"\`, `{"a":[}]}`,
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, obj []byte) {
		var got []string
		end := 0
		for k, v := range Fields(obj) {
			at := bytes.Index(obj[end:], v)
			if at < 0 || v.Kind() == KindInvalid {
				t.Fatalf("value %q is no part of the rest of %q", v, obj)
			}
			end += at
			name := Unquote(nil, k)
			if !utf8.Valid(name) {
				t.Fatalf("Unquote(%q) is not UTF-8", k)
			}
			if !k.Is(string(name)) {
				t.Fatalf("Key(%q).Is(%q) is false", k, name)
			}
			got = append(got, string(name), string(v))
		}
		if !json.Valid(obj) || len(bytes.TrimLeft(obj, " \t\r\n")) == 0 || bytes.TrimLeft(obj, " \t\r\n")[0] != '{' {
			return
		}
		if want := fieldsByDecoder(t, obj); !reflect.DeepEqual(got, want) {
			t.Fatalf("%s:\n got %q\nwant %q", obj, got, want)
		}
		for _, v := range Fields(obj) {
			if v.Kind() != KindString {
				continue
			}
			var want string
			if err := json.Unmarshal(v, &want); err != nil {
				t.Fatal(err)
			}
			if got := string(Unquote(nil, v)); got != want {
				t.Fatalf("Unquote(%s) = %q, want %q", v, got, want)
			}
		}
	})
}

func fieldsByDecoder(t *testing.T, obj []byte) (pairs []string) {
	d := json.NewDecoder(bytes.NewReader(obj))
	if _, err := d.Token(); err != nil {
		t.Fatal(err)
	}
	for d.More() {
		key, err := d.Token()
		if err != nil {
			t.Fatal(err)
		}
		var v json.RawMessage
		if err := d.Decode(&v); err != nil {
			t.Skip("nested too deep for the decoder") // json.Valid took it all the same
		}
		pairs = append(pairs, key.(string), string(v))
	}
	return pairs
}

var fieldsLine = []byte(`{"time":"2024-01-02T15:04:05.123456789Z","level":"INFO","source":{"function":"main.main","file":"/home/u/app/cmd/main.go","line":12},"msg":"request served","http":{"method":"GET","status":200,"path":"/a b"},"tags":["x","y"],"elapsed":1.5}`)

var fieldsNumbers = []byte(`{"ts":1700000000.123456789,"level":30,"msg":"x"}`)

var fieldsArray = []byte(`[1,"x",{"a":null}]`)

func TestReadingFieldsDoesNotAllocate(t *testing.T) {
	buf := make([]byte, 0, 4096)
	for name, f := range map[string]func(){
		"Fields": func() {
			n := 0
			for k, v := range Fields(fieldsLine) {
				n += len(k) + len(v)
			}
			if n == 0 {
				t.Error("no fields")
			}
		},
		"Elements": func() {
			n := 0
			for v := range Elements(fieldsArray) {
				n += len(v)
			}
			if n == 0 {
				t.Error("no elements")
			}
		},
		"Unquote":         func() { Unquote(buf, []byte(`"a\nb\ud83d\ude00"`)) },
		"Meta":            func() { Meta(fieldsLine) },
		"Meta of numbers": func() { Meta(fieldsNumbers) },
		"AppendPretty":    func() { AppendPretty(buf, fieldsLine, true) },
		"AppendLogfmt":    func() { AppendLogfmt(buf, fieldsLine) },
	} {
		if n := testing.AllocsPerRun(100, f); n != 0 {
			t.Errorf("%s: %v allocations", name, n)
		}
	}
}

func BenchmarkFields(b *testing.B) {
	b.SetBytes(int64(len(fieldsLine)))
	b.ReportAllocs()
	for b.Loop() {
		for k, v := range Fields(fieldsLine) {
			_, _ = k, v
		}
	}
}

func BenchmarkMeta(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		Meta(fieldsLine)
	}
}

func ExampleFields() {
	record := []byte(`{"level":"INFO","msg":"caf\u00e9","http":{"status":200}}`)
	for k, v := range Fields(record) {
		switch v.Kind() {
		case KindString:
			fmt.Printf("%s is the text %s\n", k, Unquote(nil, v))
		case KindObject:
			for name, v := range Fields(v) {
				fmt.Printf("%s.%s is %s\n", k, name, v)
			}
		}
	}
	// Output:
	// level is the text INFO
	// msg is the text café
	// http.status is 200
}
