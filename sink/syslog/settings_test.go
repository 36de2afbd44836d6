package syslog

import (
	"flag"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/fapilog/fapilog"
	"github.com/fapilog/fapilog/sink"
)

func TestAURIConfiguresEverything(t *testing.T) {
	o, err := sink.Parse("syslog://logs:1514/?transport=TLS&framing=lf&confirm=close&facility=16&hostname=h&app-name=a&procid=p&msgid=m&"+
		"fields=request_id,user.id&sd-id=x%401&message=msg&max-message=4KiB&ca-file=ca&cert-file=c&key-file=k&server-name=s&insecure&max-conn-age=0", nil)
	if err != nil {
		t.Fatal(err)
	}
	want := &Config{
		Host: "logs", Port: 1514, Transport: TLS, Framing: LF, Confirm: Close, Facility: "local0", Hostname: "h", AppName: "a", ProcID: "p", MsgID: "m",
		Fields: sink.List{"request_id", "user.id"}, SDID: "x@1", Message: Msg, MaxMessage: 4 << 10,
		CAFile: "ca", CertFile: "c", KeyFile: "k", ServerName: "s", Insecure: true, MaxConnAge: -1,
	}
	if !reflect.DeepEqual(o, want) {
		t.Errorf("got  %+v\nwant %+v", o, want)
	}
}

func TestSettingsInCodeAreTheDefaultsOfFlags(t *testing.T) {
	c := Config{Transport: UDP, Facility: "mail", SDID: "x@1", MaxConnAge: -1, AppName: "a", MaxMessage: 500}
	fs := flag.NewFlagSet("", flag.ContinueOnError)
	c.Flags(fs)
	for name, want := range map[string]string{
		"transport": "udp", "facility": "mail", "sd-id": "x@1", "max-conn-age": "0s", "app-name": "a", "max-message": "500", "framing": "octet-counting",
	} {
		if got := fs.Lookup(name).DefValue; got != want {
			t.Errorf("%s is %s, want %s", name, got, want)
		}
	}
	fs = flag.NewFlagSet("", flag.ContinueOnError)
	new(Config).Flags(fs)
	for name, want := range map[string]string{"transport": "tcp", "facility": "user", "sd-id": "fields@32473", "max-conn-age": "1m", "message": "json", "confirm": "auto"} {
		if got := fs.Lookup(name).DefValue; got != want {
			t.Errorf("%s is %s by default, want %s", name, got, want)
		}
	}
}

func TestAddresses(t *testing.T) {
	for uri, want := range map[string]string{
		"syslog://h":                             "tcp h:514",
		"syslog://h/":                            "tcp h:514",
		"syslog://h:1":                           "tcp h:1",
		"syslog://h?transport=tls":               "tcp h:6514",
		"syslog://[::1]?transport=udp":           "udp [::1]:514",
		"syslog://[fe80::1%25eth0]:5":            "tcp [fe80::1%eth0]:5",
		"syslog:h":                               "error: host missing; write syslog://host",
		"syslog":                                 "error: host missing",
		"syslog://:514":                          "error: host missing",
		"syslog:///dev/log":                      "error: local sockets are not written to",
		"syslog://h:0":                           "error: want 1 to 65535",
		"syslog://h:65536":                       "error: want 1 to 65535",
		"syslog://h/x":                           "error: a path has no meaning",
		"syslog://canaryuser:canarypassword@h":   "error: no user names and passwords",
		"syslog://h?transport=relp":              "error: want tcp",
		"syslog://h?facility=local8":             "error: want a number from 0 to 23 or one of kern, user",
		"syslog://h?facility=24":                 "error: want a number from 0 to 23",
		"syslog://h?facility=-1":                 "error: want a number from 0 to 23",
		"syslog://h?max-message=-1":              "error: want a size",
		"syslog://h?max-conn-age=-1s":            "error: not negative",
		"syslog://h?fields=a&fields=b":           "error: separate its items by commas",
		"syslog://canaryuser@h/canarypassword@h": "error: @ after the host",
	} {
		got := ""
		if o, err := sink.Parse(uri, nil); err != nil {
			got = "error: " + err.Error()
		} else {
			c := o.(*Config)
			got = c.network() + " " + c.address()
		}
		if want, isError := strings.CutPrefix(want, "error: "); isError != strings.HasPrefix(got, "error: ") || !strings.Contains(got, want) || strings.Contains(got, "canary") {
			t.Errorf("%s: %s\nwant %s", uri, got, want)
		}
	}
}

func TestValidateNamesEveryMistake(t *testing.T) {
	missing := filepath.Join(t.TempDir(), "missing")
	for name, test := range map[string]struct {
		change func(*Config)
		want   []string
	}{
		"nothing": {func(*Config) {}, nil},
		"many": {func(c *Config) {
			c.Host, c.Port, c.Transport, c.Framing, c.Confirm, c.Message, c.Facility, c.SDID = "", -1, "x", "x", "x", "x", "x", "x"
			c.Fields, c.MaxMessage = sink.List{"a b", "a_b", ""}, 5
		}, []string{"host missing", "port -1", "transport=", "framing=", "confirm=", "message=", `facility "x"`, "sd-id", "given twice", "empty name", "max-message is 5"}},
		"lf over UDP":                                {func(c *Config) { c.Transport, c.Framing = UDP, LF }, []string{"framing=lf is for tcp and tls"}},
		"confirm over UDP":                           {func(c *Config) { c.Transport, c.Confirm = UDP, Close }, []string{"confirm=close is for tcp and tls"}},
		"TLS without TLS":                            {func(c *Config) { c.Insecure = true }, []string{"add transport=tls"}},
		"TLS":                                        {func(c *Config) { c.Transport = TLS }, nil},
		"files that are missing":                     {func(c *Config) { c.Transport, c.CAFile, c.CertFile = TLS, missing, missing }, []string{"ca-file", "cert-file", missing}},
		"a key alone":                                {func(c *Config) { c.Transport, c.KeyFile = TLS, missing }, []string{"key-file without cert-file"}},
		"insecure with a CA":                         {func(c *Config) { c.Transport, c.CAFile, c.Insecure = TLS, missing, true }, []string{"insecure leaves no use", "ca-file"}},
		"an id of the IANA":                          {func(c *Config) { c.SDID = "origin" }, []string{"want name@number"}},
		"an id without a name":                       {func(c *Config) { c.SDID = "@1" }, []string{"want name@number"}},
		"an id with a name alone":                    {func(c *Config) { c.SDID = "a@" }, []string{"want name@number"}},
		"an id with a bracket":                       {func(c *Config) { c.SDID = "a]@1" }, []string{"want name@number"}},
		"an id that is too long":                     {func(c *Config) { c.SDID = strings.Repeat("a", 31) + "@1" }, []string{"want name@number"}},
		"an id with two numbers":                     {func(c *Config) { c.SDID, c.Fields = "a@1.2", sink.List{"x"} }, nil},
		"an id without fields":                       {func(c *Config) { c.SDID = "a@1" }, []string{"sd-id names the element of fields"}},
		"the default's id":                           {func(c *Config) { c.SDID = "fields@32473" }, nil},
		"an age of connections that serve one batch": {func(c *Config) { c.Confirm, c.MaxConnAge = Auto, -1 }, []string{"max-conn-age has no use where each batch has its own connection"}},
		"the default's age":                          {func(c *Config) { c.Confirm, c.MaxConnAge = Close, sink.Duration(time.Minute) }, nil},
		"an age over UDP":                            {func(c *Config) { c.Transport, c.Confirm, c.MaxConnAge = UDP, Auto, -1 }, nil},
		"an age of a connection that is kept":        {func(c *Config) { c.MaxConnAge = sink.Duration(time.Hour) }, nil},
		"the smallest size":                          {func(c *Config) { c.MaxMessage = 480 }, nil},
		"less than the smallest":                     {func(c *Config) { c.MaxMessage = 479 }, []string{"want 480 to 64MiB"}},
		"the largest datagram":                       {func(c *Config) { c.Transport, c.MaxMessage = UDP, 65507 }, nil},
		"more than that":                             {func(c *Config) { c.Transport, c.MaxMessage = UDP, 65508 }, []string{"want 480 to 65507"}},
		"a header without room": {func(c *Config) {
			c.Hostname, c.ProcID, c.MaxMessage = strings.Repeat("h", 300), strings.Repeat("p", 300), 480
		}, []string{"are taken by hostname"}},
	} {
		t.Run(name, func(t *testing.T) {
			c := testConfig(test.change)
			err := c.Validate()
			if (err != nil) != (test.want != nil) {
				t.Fatalf("%v, want %q", err, test.want)
			}
			for _, want := range test.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("%v does not say %q", err, want)
				}
			}
			if _, again := New(*c); (again != nil) != (err != nil) || again != nil && again.Error() != "syslog: "+err.Error() {
				t.Errorf("New says %v", again)
			}
		})
	}
}

// A batch is small unless the user says otherwise, and no parameter has the name of
// one that every sink has.
func TestItFitsIntoAPipeline(t *testing.T) {
	p, err := fapilog.Open(t.Context(), "syslog://127.0.0.1:1?transport=udp&level=warn&batch-records=10")
	if err != nil {
		t.Fatal(err)
	}
	if got := p.Stats().Sinks[0].Name; got != "syslog" {
		t.Error(got)
	}
	p.Close(t.Context())
	s, err := New(*testConfig())
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if d := s.(sink.Defaulter).Defaults(); d["batch-bytes"] != "32KiB" || d["batch-records"] != "100" {
		t.Errorf("%v", d)
	}
	for _, c := range []Config{{}, {Confirm: Auto}, {Confirm: Close, Transport: TLS}} {
		if d := c.Defaults(); len(d) != 0 {
			t.Errorf("with a connection for each batch: %v", d)
		}
	}
	if d := (&Config{Transport: UDP}).Defaults(); d["batch-records"] != "100" {
		t.Errorf("over UDP: %v", d)
	}
	if age := testConfig().maxConnAge(); age != time.Minute {
		t.Errorf("connections are used for %v", age)
	}
}

// No URI makes an error tell of a secret, and what is accepted has an address.
func FuzzAddress(f *testing.F) {
	f.Add("h:1/a?b#c")
	f.Add("[::1]:99999")
	f.Add("h%zz")
	f.Fuzz(func(t *testing.T, rest string) {
		o, err := sink.Parse("syslog://canaryuser:canarypassword@"+rest, nil)
		if err == nil {
			t.Errorf("user info is accepted: %+v", o)
		} else if !strings.Contains(rest, "canary") && strings.Contains(err.Error(), "canary") {
			t.Error(err)
		}
		if o, err := sink.Parse("syslog://"+rest, nil); err == nil && o.(*Config).Host == "" {
			t.Errorf("%q has no host", rest)
		}
	})
}
