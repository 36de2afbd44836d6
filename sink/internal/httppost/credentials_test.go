package httppost

import (
	"bufio"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/fapilog/fapilog/sink/sinktest/pipe"
)

// writeFile writes a file with a time of its own, so that a change is noticed
// whatever the file system's clock.
func writeFile(t *testing.T, path, text string, at int64) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chtimes(path, time.Unix(at, 0), time.Unix(at, 0)); err != nil {
		t.Fatal(err)
	}
}

func TestEachKindOfCredentialsIsSent(t *testing.T) {
	dir := t.TempDir()
	writeFile(t, filepath.Join(dir, "basic"), " canaryuser:canary:password\n", 1)
	writeFile(t, filepath.Join(dir, "token"), "\ncanarytoken\r\n", 1)
	for _, test := range []struct {
		name   string
		change func(*Config)
		own    string // what the sink sets
		want   string
	}{
		{"none", func(*Config) {}, "", ""},
		{"user info", func(c *Config) { c.User, c.Password = "Aladdin", "open sesame" }, "", "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ=="}, // RFC 7617, section 2
		{"a user without password", func(c *Config) { c.User = "a" }, "", "Basic YTo="},
		{"a password without user", func(c *Config) { c.Password = "b" }, "", "Basic OmI="},
		{"a file for Basic", func(c *Config) { c.BasicFile = filepath.Join(dir, "basic") }, "", "Basic Y2FuYXJ5dXNlcjpjYW5hcnk6cGFzc3dvcmQ="},
		{"a token", func(c *Config) { c.BearerToken = "canarytoken" }, "", "Bearer canarytoken"},
		{"a token of another scheme", func(c *Config) { c.BearerToken, c.AuthScheme = "canarytoken", "ApiKey" }, "", "ApiKey canarytoken"},
		{"a file with a token", func(c *Config) { c.BearerFile = filepath.Join(dir, "token") }, "", "Bearer canarytoken"},
		{"a header", func(c *Config) { c.Headers = "authorization: Custom canarytoken" }, "", "Custom canarytoken"},
		{"what the sink sets goes before configured credentials", func(c *Config) { c.User = "a" }, "ApiKey k", "ApiKey k"},
		{"a configured header goes before what the sink sets", func(c *Config) { c.Headers = "Authorization: mine" }, "ApiKey k", "mine"},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var requests []seen
				c := serve(t, recording(&requests)).client(t, test.change)
				r := Request{}
				if test.own != "" {
					r.Header = http.Header{"Authorization": {test.own}}
				}
				mustDo(t, c, r)
				if got := requests[0].header.Get("Authorization"); got != test.want {
					t.Errorf("it is %q, want %q", got, test.want)
				}
			})
		})
	}
}

func TestFileOfCredentialsIsReadAgainWhenItChanges(t *testing.T) {
	path := filepath.Join(t.TempDir(), "token")
	synctest.Test(t, func(t *testing.T) {
		var requests []seen
		c := serve(t, recording(&requests)).client(t, func(c *Config) { c.BearerFile = path })
		sends := func(want string) {
			t.Helper()
			mustDo(t, c, Request{})
			if got := requests[len(requests)-1].header.Get("Authorization"); got != "Bearer "+want {
				t.Errorf("%q is sent, want %q", got, want)
			}
		}
		_, err := attempt(t, c, Request{})
		wantError(t, err, "park", path)
		writeFile(t, path, "one", 1)
		sends("one")
		writeFile(t, path, "two", 1) // neither size nor time tell
		sends("one")
		writeFile(t, path, "two", 2) // the time does
		sends("two")
		writeFile(t, path, "three", 2) // the size does
		sends("three")
		writeFile(t, path+".new", "seven", 2)
		if err := os.Rename(path+".new", path); err != nil { // another file
			t.Fatal(err)
		}
		sends("seven")
		if err := os.Remove(path); err != nil {
			t.Fatal(err)
		}
		before := len(requests)
		_, err = attempt(t, c, Request{})
		wantError(t, err, "park", path)
		if len(requests) != before {
			t.Error("a request was made without credentials")
		}
		writeFile(t, path, "eight", 3)
		sends("eight")
	})
}

func TestRefusedCredentialsAreReadAgain(t *testing.T) {
	path := filepath.Join(t.TempDir(), "basic")
	writeFile(t, path, "canaryuser:one", 1)
	for _, status := range []int{401, 403} {
		synctest.Test(t, func(t *testing.T) {
			writeFile(t, path, "canaryuser:one", 1)
			c := serve(t, func(w http.ResponseWriter, r *http.Request) {
				if _, password, _ := r.BasicAuth(); password != "two" {
					w.WriteHeader(status)
				}
			}).client(t, func(c *Config) { c.BasicFile = path })
			if r, err := attempt(t, c, Request{}); err != nil || r.Status != status {
				t.Errorf("%v, %v", r, err)
			}
			writeFile(t, path, "canaryuser:two", 1) // as by a clock that is too coarse
			mustDo(t, c, Request{})
		})
	}
}

func TestFileThatHoldsNoSecretParks(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{
		"empty": "", "blank": " \n\t", "several lines": "canarytoken\ncanarytoken", "control": "canary\x00token", "long": strings.Repeat("canarytoken", 10_000),
	} {
		path := filepath.Join(dir, name)
		writeFile(t, path, text, 1)
		_, err := NewSecretFile(path).Read()
		wantError(t, err, "park", path)
		if strings.Contains(err.Error(), "canary") {
			t.Errorf("%s: %v", name, err)
		}
	}
	writeFile(t, filepath.Join(dir, "basic"), "canarytoken", 1)
	_, _, err := NewSecretFile(filepath.Join(dir, "basic")).basic()
	wantError(t, err, "park", "want user:password")
	_, err = NewSecretFile(dir).Read()
	wantError(t, err, "park", dir)
}

func TestSecretFileMayBeReadByMany(t *testing.T) {
	path := filepath.Join(t.TempDir(), "token")
	writeFile(t, path, "canarytoken", 1)
	f := NewSecretFile(path)
	done := make(chan struct{})
	for range 8 {
		go func() {
			defer func() { done <- struct{}{} }()
			for range 50 {
				if s, err := f.Read(); s != "canarytoken" || err != nil {
					t.Errorf("%v, %v", s, err)
				}
				f.Forget()
			}
		}()
	}
	for range 8 {
		<-done
	}
}

// Everything that is a secret is in no error, whatever happens.
func TestNoErrorHoldsASecret(t *testing.T) {
	token := filepath.Join(t.TempDir(), "token")
	writeFile(t, token, "canarytoken", 1)
	credentials := []func(*Config){
		func(*Config) {}, // what the sink sets
		func(c *Config) { c.User, c.Password = "canaryuser", "canarypassword" },
		func(c *Config) { c.BearerFile = token },
		func(c *Config) { c.Headers = "Authorization: Token canarytoken, X-Key: canarypassword" },
		func(c *Config) { c.Query = "key=canary%74oken&canarypassword" },
	}
	echo := func(status int) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			user, password, _ := r.BasicAuth()
			w.Header().Set("Location", "http://canaryuser:canarypassword@elsewhere/canarytoken?canarytoken")
			w.WriteHeader(status)
			w.Write([]byte(strings.Join([]string{
				"no entry for", user, password, r.RequestURI, r.FormValue("key"), r.Header.Get("Authorization"), r.Header.Get("X-Key"),
			}, " ")))
		}
	}
	for i, with := range credentials {
		request := Request{}
		if i == 0 {
			request.Header = http.Header{"Authorization": {"ApiKey canarytoken"}}
		}
		synctest.Test(t, func(t *testing.T) {
			for _, status := range []int{301, 307, 400, 401, 403, 413, 429, 500, 503} {
				response, err := attempt(t, serve(t, echo(status)).client(t, with), request)
				if err != nil {
					t.Fatal(err)
				}
				text := Judge(response).Error() + fmt.Sprintf("%+v", Response{Status: status, mask: response.mask})
				if strings.Contains(text, "canary") || strings.Contains(text, "Y2FuYXJ5") {
					t.Errorf("%d: %s", status, text)
				}
			}
			hung := answering(t, hold)
			garbage := serveRaw(t, func(c *pipe.Conn) {
				r, err := http.ReadRequest(bufio.NewReader(c))
				if err != nil {
					return
				}
				user, password, _ := r.BasicAuth()
				io.WriteString(c, "HTTP/1.1 "+user+password+r.Header.Get("Authorization")+r.Header.Get("X-Key")+r.FormValue("key")+" x\r\n")
			})
			for _, n := range []*network{hung, garbage} {
				if _, err := attempt(t, n.client(t, with), request); err == nil || strings.Contains(err.Error(), "canary") {
					t.Errorf("the error is %v", err)
				}
			}
		})
	}
}
