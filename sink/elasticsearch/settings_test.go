package elasticsearch

import (
	"context"
	"net/url"
	"strings"
	"testing"

	"github.com/fapilog/fapilog/sink"
)

func TestURIDescribesTheSink(t *testing.T) {
	tests := []struct {
		uri   string
		want  []string // base URLs
		index string
		check func(*Config) bool
	}{
		{"elasticsearch://es", []string{"http://es:9200/"}, "fapilog-2024.02.29", func(c *Config) bool { return c.Gzip && c.TimestampField == "@timestamp" }},
		{"opensearch://es", []string{"http://es:9200/"}, "fapilog-2024.02.29", nil},
		{"elasticsearch+https://es:443/proxy", []string{"https://es:443/proxy"}, "fapilog-2024.02.29", nil},
		{"opensearch+https://[::1]", []string{"https://[::1]:9200/"}, "fapilog-2024.02.29", nil},
		{"elasticsearch://u:p%40w@es?gzip=false", []string{"http://es:9200/"}, "fapilog-2024.02.29", func(c *Config) bool { return !c.Gzip && c.User == "u" && c.Password.Reveal() == "p@w" }},
		{"elasticsearch+https://es:9243/x?hosts=h2,[::1],h3:1", []string{"https://es:9243/x", "https://h2:9243/x", "https://[::1]:9243/x", "https://h3:1/x"}, "fapilog-2024.02.29", nil},
		{"elasticsearch://es?index=app-%25Y.%25m", []string{"http://es:9200/"}, "app-2024.02", nil},
		{"elasticsearch://es?index=app-{+yyyy.MM}-{a}", []string{"http://es:9200/"}, "app-2024.02-unknown", nil},
		{"elasticsearch://es?data-stream", []string{"http://es:9200/"}, DefaultDataStream, func(c *Config) bool { return c.DataStream }},
		{"elasticsearch://es?data-stream=true&index=logs-a-b", []string{"http://es:9200/"}, "logs-a-b", nil},
		{"elasticsearch://es?timestamp-field=&pipeline=p", []string{"http://es:9200/"}, "fapilog-2024.02.29", func(c *Config) bool { return c.TimestampField == NoTimestamp && c.Pipeline == "p" }},
		{"elasticsearch://es?api-key=a2V5", []string{"http://es:9200/"}, "fapilog-2024.02.29", func(c *Config) bool { return c.APIKey.Reveal() == "a2V5" }},
	}
	for _, test := range tests {
		o, err := sink.Parse(test.uri, nil)
		if err != nil {
			t.Errorf("%s: %v", test.uri, err)
			continue
		}
		c := o.(*Config)
		configs, index, err := c.resolve()
		if err != nil {
			t.Errorf("%s: %v", test.uri, err)
			continue
		}
		var got []string
		for _, config := range configs {
			got = append(got, config.URL.String())
		}
		if strings.Join(got, " ") != strings.Join(test.want, " ") || string(index.append(nil, noon, nil)) != test.index || test.check != nil && !test.check(c) {
			t.Errorf("%s: %v, %s, %+v", test.uri, got, index.append(nil, noon, nil), c)
		}
		s, err := c.Open(context.Background())
		if err != nil {
			t.Errorf("%s: %v", test.uri, err)
			continue
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}
}

func TestMistakesAreToldTogetherAndWithoutSecrets(t *testing.T) {
	tests := []struct {
		uri  string
		want []string
	}{
		{"elasticsearch:", []string{"host missing"}},
		{"elasticsearch:///logs", []string{"host missing"}},
		{"elasticsearch://es:99999", []string{"1 to 65535"}},
		{"elasticsearch://es?index=Logs&hosts=http://h2&pipeline=%00", []string{"lower case", "want host or host:port", "pipeline: a control character"}},
		{"elasticsearch://es?hosts=h2/path", []string{"want host or host:port"}},
		{"elasticsearch://es?hosts=h2:", []string{"want host or host:port"}},
		{"elasticsearch://es?hosts=h2:70000", []string{"1 to 65535"}},
		{"elasticsearch://es?hosts=h2:0", []string{"1 to 65535"}},
		{"elasticsearch://es?data-stream&index=logs-%25Y", []string{"leave the date out"}},
		{"elasticsearch://es?data-stream&index=.ds-logs", []string{"cannot begin with .ds-"}},
		{"elasticsearch://es?data-stream&timestamp-field=", []string{"a data stream needs one"}},
		{"elasticsearch://es?api-key=hunter2&bearer=hunter2", []string{"two kinds of credentials"}},
		{"elasticsearch://es?api-key=hunter2&api-key-file=x", []string{"more than one kind of credentials"}},
		{"elasticsearch://hunter2:hunter2@es?api-key=hunter2", []string{"more than one kind of credentials"}},
		{"elasticsearch://es?api-key=id:hunter2", []string{"want the encoded form"}},
		{"elasticsearch://es?gzip-level=10&insecure", []string{"gzip-level", "insecure"}},
	}
	for _, test := range tests {
		_, err := sink.Open(context.Background(), test.uri)
		if err == nil {
			t.Errorf("%s: no error", test.uri)
			continue
		}
		for _, want := range test.want {
			if !strings.Contains(err.Error(), want) {
				t.Errorf("%s: %q does not say %q", test.uri, err, want)
			}
		}
		if strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s: %q tells a secret", test.uri, err)
		}
	}
}

func TestNewNeedsAURL(t *testing.T) {
	for _, c := range []Config{{}, {Hosts: sink.List{"h2"}}} {
		if _, err := New(c); err == nil || !strings.Contains(err.Error(), "elasticsearch: URL missing") {
			t.Errorf("%v", err)
		}
	}
}

func TestZeroConfigHasTheDefaults(t *testing.T) {
	var c Config
	c.URL = &url.URL{Scheme: "http", Host: "es:9200"}
	s, err := open(c)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if got := string(s.documents.appendBulk(nil, []sink.Record{record(1, `{}`)})); !strings.Contains(got, `"_index":"fapilog-2024.02.29"`) || !strings.Contains(got, `{"@timestamp":"2024`) {
		t.Error(got)
	}
}
