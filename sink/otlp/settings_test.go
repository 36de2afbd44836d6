package otlp_test

import (
	"context"
	"errors"
	"flag"
	"io"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/fapilog/fapilog/sink"
	"github.com/fapilog/fapilog/sink/otlp"
)

var (
	_ sink.Opener    = (*otlp.Config)(nil)
	_ sink.Validator = (*otlp.Config)(nil)
	_ sink.Defaulter = (*otlp.Config)(nil)
)

// parse returns the settings of a URI.
func parse(t *testing.T, uri string) *otlp.Config {
	t.Helper()
	o, err := sink.Parse(uri, nil)
	if err != nil {
		t.Fatal(err)
	}
	return o.(*otlp.Config)
}

func TestURIs(t *testing.T) {
	for _, test := range []struct {
		uri  string
		want string // the URL, or what an error says
	}{
		{"otlp://collector", "http://collector:4318/v1/logs"},
		{"otlp://collector:80/", "http://collector:80/v1/logs"},
		{"otlp://[::1]/otlp/v1/logs", "http://[::1]:4318/otlp/v1/logs"},
		{"otlp+https://canaryuser:canarypassword@otlp.example.com", "https://otlp.example.com/v1/logs"},
		{"OTLP+HTTPS://otlp.example.com:4318/x?gzip=false&resource=a=b,c=d%252Ce", "https://otlp.example.com:4318/x"},
		{"otlp:", "host missing; write otlp://host/v1/logs"},
		{"otlp://h?insecure", "are for https"},
		{"otlp://h?resource=a", "item 1 is not key=value"},
		{"otlp://h?resource=a=1,,b=2,a=3", "item 3 has a key that is given before"},
		{"otlp://h?resource=a=%25zz", "item 1 has an invalid percent-encoding"},
		{"otlp://h?resource=%2500=1,=2", "item 2 is not key=value"},
		{"otlp://h?trace-field=x&span-field=x", "are to name three members"},
		{"otlp://h?header=canarytoken", "header: item 1 is not NAME:VALUE"},
		{"otlp://h?compression=gzip", `unknown parameter "compression"`},
	} {
		t.Run(strings.ReplaceAll(test.uri, "canary", "***"), func(t *testing.T) {
			o, err := sink.Parse(test.uri, nil)
			var got string
			if err == nil {
				c := o.(*otlp.Config)
				got, err = c.URL.String(), c.Validate()
			}
			if err != nil {
				got = err.Error()
				if strings.Contains(got, "canary") {
					t.Errorf("a secret is in %q", got)
				}
			}
			if !strings.Contains(got, test.want) {
				t.Errorf("%q, want %q", got, test.want)
			}
			if s, openErr := sink.Open(t.Context(), test.uri); (openErr == nil) != (err == nil) {
				t.Errorf("Open says %v", openErr)
			} else if s != nil {
				s.Close()
			}
		})
	}
}

func TestNewReportsMistakesOfCode(t *testing.T) {
	_, err := otlp.New(otlp.Config{Resource: map[string]string{"": "x"}, TraceField: "span_id", Endpoint: otlp.Endpoint{GzipLevel: 10}})
	for _, want := range []string{"otlp: ", "URL missing", "an attribute has no name", "are to name three members", "gzip-level is 10"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v does not say %q", err, want)
		}
	}
}

func TestFlagsShowTheDefaults(t *testing.T) {
	o, _ := sink.NewOpener("otlp")
	fs := flag.NewFlagSet("", flag.ContinueOnError)
	fs.SetOutput(io.Discard)
	o.Flags(fs)
	for name, want := range map[string]string{
		"gzip": "true", "env": "true", "resource": "", "trace-field": "trace_id", "span-field": "span_id", "flags-field": "trace_flags",
	} {
		if got := fs.Lookup(name).DefValue; got != want {
			t.Errorf("%s is %q by default, want %q", name, got, want)
		}
	}
	if err := fs.Set("resource", " b = 1%2C2 , a=%25,"); err != nil {
		t.Fatal(err)
	}
	if got := fs.Lookup("resource").Value; got.String() != "a=%25,b=1%2C2" || !maps.Equal(got.(flag.Getter).Get().(map[string]string), map[string]string{"a": "%", "b": "1,2"}) {
		t.Errorf("resource is %v", got)
	}
	fs.PrintDefaults() // calls String of zero values
}

// clearEnv has none of the variables set for the length of the test.
func clearEnv(t *testing.T) {
	for _, pair := range os.Environ() {
		if name, _, _ := strings.Cut(pair, "="); strings.HasPrefix(name, "OTEL_") {
			t.Setenv(name, "")
		}
	}
}

func TestResourceComesFromTheURIThenFromTheEnvironment(t *testing.T) {
	for _, test := range []struct {
		name, parameters string
		env              map[string]string
		want             map[string]string // besides unknown_service
	}{
		{"nothing is said", "", nil, map[string]string{"service.name": "unknown_service:otlp.test"}},
		{"by variables", "", map[string]string{"OTEL_RESOURCE_ATTRIBUTES": "service.name=a, x = 1%2C2 ", "OTEL_SERVICE_NAME": ""}, map[string]string{"service.name": "a", "x": "1,2"}},
		{"the service's own variable goes first", "", map[string]string{"OTEL_RESOURCE_ATTRIBUTES": "service.name=a,x=1", "OTEL_SERVICE_NAME": "b"}, map[string]string{"service.name": "b", "x": "1"}},
		{"the URI goes before both", "?resource=service.name=c,y=2", map[string]string{"OTEL_RESOURCE_ATTRIBUTES": "service.name=a,x=1,y=1", "OTEL_SERVICE_NAME": "b"},
			map[string]string{"service.name": "c", "x": "1", "y": "2"}},
		{"not asked for", "?env=false&resource=y=2", map[string]string{"OTEL_RESOURCE_ATTRIBUTES": "=", "OTEL_SERVICE_NAME": "b"}, map[string]string{"service.name": "unknown_service:otlp.test", "y": "2"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			clearEnv(t)
			for name, value := range test.env {
				t.Setenv(name, value)
			}
			synctest.Test(t, func(t *testing.T) {
				server := collect(t)
				c := parse(t, "otlp://collector"+test.parameters)
				c.Dial = server.Dial
				writeTo(t, c)
				got := map[string]string{}
				for key, value := range server.requests[0].Resource {
					got[key] = value.(string)
				}
				if !maps.Equal(got, test.want) {
					t.Errorf("%v, want %v", got, test.want)
				}
			})
		})
	}
}

// writeTo opens c and writes a record.
func writeTo(t *testing.T, c *otlp.Config) {
	t.Helper()
	if err := c.Validate(); err != nil {
		t.Fatal(err)
	}
	s, err := c.Open(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(write(t, s, records(1)...), s.Close()); err != nil {
		t.Fatal(err)
	}
}

func TestHeadersComeFromTheURIThenFromTheEnvironment(t *testing.T) {
	const headers = "OTEL_EXPORTER_OTLP_HEADERS"
	for _, test := range []struct {
		name, uri string
		env       map[string]string
		want      string // of the headers Api-Key, Authorization and X-Other
	}{
		{"none", "otlp://collector", nil, "||"},
		{"by the variable", "otlp://collector", map[string]string{headers: "api-key=a%2Cb\\,authorization=Basic dXNlcg==,"}, `a,b\|Basic dXNlcg==|`},
		{"by the one for logs", "otlp://collector", map[string]string{headers: "api-key=a,x-other=o", "OTEL_EXPORTER_OTLP_LOGS_HEADERS": "Api-Key=b"}, "b||"},
		{"the URI goes before it, one by one", `otlp://collector?header=api-key:u\,v`, map[string]string{headers: "API-KEY=a,x-other=o"}, "u,v||o"},
		{"other credentials do", "otlp://user:pass@collector", map[string]string{headers: "api-key=a,authorization=Basic b"}, "a|Basic dXNlcjpwYXNz|"},
		{"not asked for", "otlp://collector?env=false", map[string]string{headers: "api-key=a"}, "||"},
		{"of the same endpoint", "otlp://Collector", map[string]string{headers: "api-key=a", "OTEL_EXPORTER_OTLP_ENDPOINT": "http://collector:4317"}, "a||"},
		{"of another endpoint", "otlp://collector", map[string]string{headers: "api-key=a", "OTEL_EXPORTER_OTLP_ENDPOINT": "https://vendor.example.com"}, "||"},
		{"of the endpoint for logs", "otlp://collector",
			map[string]string{headers: "api-key=a", "OTEL_EXPORTER_OTLP_ENDPOINT": "https://vendor.example.com", "OTEL_EXPORTER_OTLP_LOGS_ENDPOINT": "http://collector:4318/v1/logs"}, "a||"},
		{"of the same port", "otlp://collector:80", map[string]string{headers: "api-key=a", "OTEL_EXPORTER_OTLP_ENDPOINT": "http://collector"}, "a||"},
		{"of another port", "otlp://collector", map[string]string{headers: "api-key=a", "OTEL_EXPORTER_OTLP_ENDPOINT": "http://collector"}, "||"},
		{"of the port for gRPC, and not to the one for HTTP", "otlp://collector:9000", map[string]string{headers: "api-key=a", "OTEL_EXPORTER_OTLP_ENDPOINT": "http://collector:4317"}, "||"},
		{"of https", "otlp://collector:443", map[string]string{headers: "api-key=a", "OTEL_EXPORTER_OTLP_ENDPOINT": "https://collector"}, "||"},
		{"of https, to the port beside that for gRPC", "otlp://collector", map[string]string{headers: "api-key=a", "OTEL_EXPORTER_OTLP_ENDPOINT": "HTTPS://collector:4317"}, "||"},
		{"of an endpoint of gRPC's form, without headers", "otlp://collector", map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": "collector:4317"}, "||"},
	} {
		t.Run(test.name, func(t *testing.T) {
			clearEnv(t)
			for name, value := range test.env {
				t.Setenv(name, value)
			}
			synctest.Test(t, func(t *testing.T) {
				server := collect(t)
				c := parse(t, test.uri)
				c.Dial = server.Dial
				before := c.Headers
				writeTo(t, c)
				h := server.headers[0]
				if got := strings.Join([]string{strings.Join(h["Api-Key"], ";"), strings.Join(h["Authorization"], ";"), strings.Join(h["X-Other"], ";")}, "|"); got != test.want {
					t.Errorf("%q, want %q", got, test.want)
				}
				if c.Headers != before {
					t.Error("Open has changed the settings")
				}
			})
		})
	}
}

func TestFilesOfTLSComeFromTheEnvironment(t *testing.T) {
	clearEnv(t)
	missing := filepath.Join(t.TempDir(), "missing.pem")
	t.Setenv("OTEL_EXPORTER_OTLP_CERTIFICATE", missing)
	t.Setenv("OTEL_EXPORTER_OTLP_LOGS_CLIENT_CERTIFICATE", missing)
	t.Setenv("OTEL_EXPORTER_OTLP_CLIENT_KEY", "key.pem")
	full, err := parse(t, "otlp+https://collector").FromEnv()
	if err != nil || full.CAFile != missing || full.CertFile != missing || full.KeyFile != "key.pem" {
		t.Errorf("%+v, %v", full, err)
	}
	if err := parse(t, "otlp+https://collector").Validate(); err == nil || !strings.Contains(err.Error(), missing) {
		t.Errorf("a file that is missing: %v", err)
	}
	full, err = parse(t, "otlp+https://collector?insecure&cert-file=own.pem").FromEnv()
	if err != nil || full.CAFile != "" || full.CertFile != "own.pem" || full.KeyFile != "" {
		t.Errorf("%+v, %v", full, err)
	}
	if err := parse(t, "otlp://collector").Validate(); err != nil {
		t.Errorf("without TLS: %v", err)
	}
}

func TestMalformedVariablesAreMistakesWithoutTheirValues(t *testing.T) {
	clearEnv(t)
	for name, values := range map[string][]string{
		"OTEL_RESOURCE_ATTRIBUTES":        {"canarytoken", "a=canarytoken%", "a=canarytoken,a=1"},
		"OTEL_EXPORTER_OTLP_HEADERS":      {"canarytoken", "canary token==", "content-length=canarytoken", "a=canarytoken%2"},
		"OTEL_EXPORTER_OTLP_LOGS_HEADERS": {"=canarytoken"},
	} {
		for _, value := range values {
			t.Setenv(name, value)
			err := parse(t, "otlp://collector").Validate()
			if err == nil || !strings.Contains(err.Error(), "otlp: variable "+name+": ") || strings.Contains(err.Error(), "canary") {
				t.Errorf("%s: %v", name, err)
			}
			if _, err := sink.Open(t.Context(), "otlp://collector"); err == nil || strings.Contains(err.Error(), "canary") {
				t.Errorf("%s: Open says %v", name, err)
			}
			c := otlp.Config{Endpoint: parse(t, "otlp://collector").Endpoint}
			if s, err := otlp.New(c); err != nil {
				t.Errorf("New reads %s: %v", name, err)
			} else {
				s.Close()
			}
			if _, err := c.FromEnv(); err == nil || strings.Contains(err.Error(), "canary") {
				t.Errorf("FromEnv: %v", err)
			}
		}
		t.Setenv(name, "")
	}
	t.Setenv("OTEL_EXPORTER_OTLP_HEADERS", "a=x%0Acanarytoken")
	if err := parse(t, "otlp://collector").Validate(); err == nil || strings.Contains(err.Error(), "canary") {
		t.Errorf("a control character: %v", err)
	}
}

// Where credentials are, it has to be known whose.
func TestAnEndpointThatCannotBeReadIsAMistakeWhereItMatters(t *testing.T) {
	for _, endpoint := range []string{"canarytoken:4318", "http://%zzcanarytoken", "http:///canarytoken", "https:canarytoken", "grpc://canarytoken", "canarytoken"} {
		for _, variable := range []string{"HEADERS", "CERTIFICATE", "LOGS_CLIENT_CERTIFICATE", "CLIENT_KEY", ""} {
			clearEnv(t)
			t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint)
			if variable != "" {
				t.Setenv("OTEL_EXPORTER_OTLP_"+variable, "a=b")
			}
			err := parse(t, "otlp+https://collector").Validate()
			if variable == "" {
				if err != nil {
					t.Errorf("%s, of which nothing depends: %v", endpoint, err)
				}
				continue
			}
			if err == nil || !strings.Contains(err.Error(), "variable OTEL_EXPORTER_OTLP_ENDPOINT: want http://host:port") || strings.Contains(err.Error(), "canary") {
				t.Errorf("%s with %s: %v", endpoint, variable, err)
			}
			if err := parse(t, "otlp+https://collector?env=false").Validate(); err != nil {
				t.Errorf("%s with env=false: %v", endpoint, err)
			}
			if err := parse(t, "otlp://collector").Validate(); (err != nil) != (variable == "HEADERS") {
				t.Errorf("%s with %s, without TLS: %v", endpoint, variable, err)
			}
		}
	}
}

// What a server quotes of the headers is masked.
func TestHeadersOfTheEnvironmentAreSecrets(t *testing.T) {
	clearEnv(t)
	t.Setenv("OTEL_EXPORTER_OTLP_HEADERS", "api-key=canarytoken")
	synctest.Test(t, func(t *testing.T) {
		server := answering(t, 401, "application/json", `{"message":"the key canarytoken is unknown"}`)
		c := parse(t, "otlp://collector")
		c.Dial = server.Dial
		s, err := c.Open(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		if err := write(t, s, records(1)...); err == nil || err.Error() != "otlp: 401 Unauthorized: the key *** is unknown" {
			t.Errorf("the error is %v", err)
		}
		server.answer = answering(t, 200, "application/json", `{"partialSuccess":{"rejectedLogRecords":1,"errorMessage":"canarytoken"}}`).answer
		if err := write(t, s, records(1)...); err == nil || strings.Contains(err.Error(), "canary") {
			t.Errorf("the error is %v", err)
		}
	})
}
