package loki

import (
	"flag"
	"net/url"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/fapilog/fapilog"
	"github.com/fapilog/fapilog/sink"
)

func TestAURIConfiguresEverything(t *testing.T) {
	o, err := sink.Parse("loki://me:s3cret@h/gateway?tenant=t1&labels=app=api,env=prod&label-fields=level,logger&label-values=7&"+
		"metadata-fields=trace_id,http.method&max-line=64KiB&long-lines=quarantine&max-age=7d&max-span=10m&gzip-level=1", nil)
	if err != nil {
		t.Fatal(err)
	}
	got := o.(*Config)
	want := &Config{
		Tenant: "t1", Labels: sink.List{"app=api", "env=prod"}, LabelFields: sink.List{"level", "logger"}, LabelValues: 7,
		MetadataFields: sink.List{"trace_id", "http.method"}, MaxLine: 64 << 10, LongLines: Quarantine, MaxAge: sink.Duration(7 * 24 * time.Hour), MaxSpan: sink.Duration(10 * time.Minute),
	}
	if got.URL.String() != "http://h:3100/gateway" || got.User != "me" || got.Password != "s3cret" || !got.Gzip || got.GzipLevel != 1 {
		t.Errorf("%s, %s, gzip %v %d", got.URL, got.User, got.Gzip, got.GzipLevel)
	}
	want.Endpoint = got.Endpoint
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
	if err := got.Validate(); err != nil {
		t.Error(err)
	}
}

func TestAddresses(t *testing.T) {
	for uri, want := range map[string]string{
		"loki://h":                           "http://h:3100/",
		"loki://h:80/":                       "http://h:80/",
		"loki://[::1]":                       "http://[::1]:3100/",
		"loki+https://h":                     "https://h/",
		"loki+https://h:3100/a":              "https://h:3100/a",
		"loki://h/loki/api/v1/push":          "http://h:3100/loki/api/v1/push", // New takes it off
		"loki:h":                             "error: host missing; write loki://h",
		"loki://":                            "error: host missing",
		"loki+https:":                        "error: host missing; write loki+https://host",
		"loki://h:99999":                     "error: port",
		"loki://h/loki/api/v1/query_range":   "error: the path is that of another request",
		"loki://h/a/loki/api/v1/push/x":      "error: the path is that of another request",
		"loki://h/api/prom/push":             "error: the path is that of another request",
		"loki://h?label-values=0":            "error: want a whole number from 1",
		"loki://h?label-values=many":         "error: want a whole number from 1",
		"loki://h?max-span=0":                "error: want 1s or more",
		"loki://h?max-line=-1":               "error: want a size",
		"loki://h?long-lines=drop":           "error: want cut or quarantine",
		"loki://h?labels=a=b&labels=c=d":     "error: separate its items by commas",
		"loki://h?metadata-fields=a&nothing": "error: unknown parameter",
	} {
		got := ""
		if o, err := sink.Parse(uri, nil); err != nil {
			got = "error: " + err.Error()
		} else {
			got = o.(*Config).URL.String()
		}
		if want, isError := strings.CutPrefix(want, "error: "); isError && (!strings.Contains(got, strings.TrimSuffix(want, "h")) || !strings.HasPrefix(got, "error")) || !isError && got != want {
			t.Errorf("%s: %s\nwant %s", uri, got, want)
		}
	}
}

func TestValidateNamesEveryMistake(t *testing.T) {
	u := &url.URL{Scheme: "http", Host: "h"}
	long := strings.Repeat("x", 2000)
	for name, c := range map[string]struct {
		change func(*Config)
		want   []string
	}{
		"nothing":                     {func(*Config) {}, nil},
		"no address":                  {func(c *Config) { c.URL = nil }, []string{"loki: URL missing"}},
		"the address of a query":      {func(c *Config) { c.URL = &url.URL{Scheme: "http", Host: "h", Path: "/loki/api/v1/query"} }, []string{"another request"}},
		"labels that are none":        {func(c *Config) { c.Labels = sink.List{"app", "=x", "env="} }, []string{`label "app": want name=value`, `label "=x"`, `label "env="`}},
		"a label twice":               {func(c *Config) { c.Labels = sink.List{"a.b=1", "a-b=2"} }, []string{`label "a_b" is given twice`}},
		"a label that is a field too": {func(c *Config) { c.Labels, c.LabelFields = sink.List{"level=x"}, sink.List{"level"} }, []string{`label "level" is given twice`}},
		"metadata twice":              {func(c *Config) { c.MetadataFields = sink.List{"a", "a"} }, []string{`metadata field "a" is given twice`}},
		"too many labels":             {func(c *Config) { c.LabelFields = strings.Split("abcdefghijklmno", "") }, []string{"make 16 labels; Loki takes 15"}},
		"too much metadata":           {func(c *Config) { c.MetadataFields = strings.Split(strings.Repeat("x,", 129)+"y", ",") }, []string{"130 metadata-fields; Loki takes 128"}},
		"long names of metadata":      {func(c *Config) { c.MetadataFields = strings.Split(strings.Repeat(long+",", 33)+"y", ",") }, []string{"have 33793 bytes"}},
		"tenants":                     {func(c *Config) { c.Tenant = "a|b" }, []string{"tenant: want"}},
		"a long tenant":               {func(c *Config) { c.Tenant = long }, []string{"tenant: want"}},
		"a tenant that is a path":     {func(c *Config) { c.Tenant = ".." }, []string{"tenant: want"}},
		"negative numbers":            {func(c *Config) { c.LabelValues, c.MaxAge = -1, -1 }, []string{"label-values is -1", "cannot be negative"}},
		"a line that is too short":    {func(c *Config) { c.MaxLine = 1023 }, []string{"max-line=1023 is too short"}},
		"which may be quarantined":    {func(c *Config) { c.MaxLine, c.LongLines = 1023, Quarantine }, nil},
		"no limit for long lines":     {func(c *Config) { c.LongLines = Quarantine }, []string{"no effect without max-line"}},
		"a short span":                {func(c *Config) { c.MaxSpan = 1 }, []string{"max-span=1ns; want 1s or more"}},
		"fields without a name":       {func(c *Config) { c.LabelFields = sink.List{""} }, []string{"empty name"}},
		"metadata without a name":     {func(c *Config) { c.MetadataFields = sink.List{""} }, []string{"empty name"}},
		"no fields for label-values":  {func(c *Config) { c.LabelValues = 7 }, []string{"label-values has no effect without label-fields"}},
		"long lines":                  {func(c *Config) { c.LongLines = "drop" }, []string{`long-lines="drop"; want cut or quarantine`}},
		"what all sinks have":         {func(c *Config) { c.GzipLevel = 10 }, []string{"gzip-level is 10"}},
	} {
		config := Config{}
		config.URL = u
		c.change(&config)
		_, err := New(config)
		if (err != nil) != (len(c.want) > 0) {
			t.Errorf("%s: %v", name, err)
		}
		for _, want := range c.want {
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%s: %v\ndoes not say %q", name, err, want)
			}
		}
	}
}

// The parameters of the sink, of HTTP and of every sink stand in one URI.
func TestItsParametersAndThoseOfEverySinkGoTogether(t *testing.T) {
	plan, err := fapilog.Config{Routes: []fapilog.Route{{URI: "loki://h?labels=app=api&batch_size=7&batch_interval=3s&level=warn&max-conn-age=0"}}}.Plan()
	if err != nil {
		t.Fatal(err)
	}
	got := make(map[string]string)
	for _, s := range plan.Sinks[0].Settings {
		got[s.Name] = s.Value
	}
	for name, want := range map[string]string{"batch-records": "7", "linger": "3s", "level": "warn", "labels": "app=api", "gzip": "true", "max-conn-age": "0s"} {
		if got[name] != want {
			t.Errorf("%s is %q, want %q", name, got[name], want)
		}
	}
}

func TestNoDefaultDependsOnTheProgram(t *testing.T) {
	fs := flag.NewFlagSet("", flag.ContinueOnError)
	newOpener().Flags(fs)
	fs.VisitAll(func(f *flag.Flag) {
		if strings.Contains(f.DefValue, programName()) {
			t.Errorf("the default of %s is %s", f.Name, f.DefValue)
		}
	})
}

func TestNamesAndValuesAreMadeToFit(t *testing.T) {
	for name, want := range map[string]string{
		"app": "app", "k8s.io/name": "k8s_io_name", "5xx": "_5xx", "__meta": "_meta", "_a": "_a", "größe": "gr__e", "a b": "a_b", "-x": "_x", "---": "_", "世": "_",
		strings.Repeat("x", 2000): strings.Repeat("x", 1024), "a\"}": "a__", "9": "_9", "_9__": "_9__",
	} {
		if got := fitName(name); got != want || !labelName.MatchString(got) {
			t.Errorf("%.50q becomes %.50q, want %.50q", name, got, want)
		}
	}
	for value, want := range map[string]string{
		"api": "api", "a\nb\x1b[31m": "a b [31m", "a\"},\\": "a\"},\\", "\xff": "\ufffd", strings.Repeat("é", 2000): strings.Repeat("é", 1024),
		"x" + strings.Repeat("é", 2000): "x" + strings.Repeat("é", 1023), strings.Repeat("\xff", 2048): strings.Repeat("\ufffd", 682),
	} {
		if got := string(fitValue(nil, []byte(value))); got != want {
			t.Errorf("%.50q becomes %.50q, want %.50q", value, got, want)
		}
	}
}
