package cloudwatch

import (
	"math/rand/v2"
	"net/url"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/fapilog/fapilog"
	"github.com/fapilog/fapilog/sink"
)

func TestAURIConfiguresEverything(t *testing.T) {
	o, err := sink.Parse("cloudwatch://app/web?region=eu-central-1&profile=logs&role=arn:aws:iam::123456789012:role/logs&"+
		"endpoint=http://127.0.0.1:4566&create=false&max-event=256KiB", nil)
	if err != nil {
		t.Fatal(err)
	}
	want := &Config{Group: "app", Stream: "web", Region: "eu-central-1", Profile: "logs", Role: "arn:aws:iam::123456789012:role/logs",
		Endpoint: "http://127.0.0.1:4566", MaxEvent: 256 << 10}
	if got := o.(*Config); !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
	o, err = sink.Parse("cloudwatch://app/web", nil)
	if got := o.(*Config); err != nil || !got.Create || got.MaxEvent != 1<<20 {
		t.Errorf("%+v, %v", got, err)
	}
}

func TestTheLastPartOfThePathIsTheStream(t *testing.T) {
	for uri, want := range map[string]string{
		"cloudwatch://app/web":                             "app | web",
		"cloudwatch://My_App.x/web-1":                      "My_App.x | web-1",
		"cloudwatch:///ecs/api/web":                        "/ecs/api | web",
		"cloudwatch:///ecs/api/web%2Fcontainer%2Ftask":     "/ecs/api | web/container/task",
		"cloudwatch://a/b/c":                               "a/b | c",
		"cloudwatch:a%23b/2024%20%5B$LATEST%5D":            "a#b | 2024 [$LATEST]",
		"cloudwatch:///aws/lambda/f/h%3A8080*":             "/aws/lambda/f | h_8080_",
		"cloudwatch://app":                                 "error: group or stream missing",
		"cloudwatch://app/":                                "error: group or stream missing",
		"cloudwatch:///web":                                "error: group or stream missing",
		"cloudwatch:":                                      "error: group or stream missing",
		"cloudwatch":                                       "error: group or stream missing",
		"cloudwatch://AKIDKEY:s3cret@app/web":              "error: credentials do not stand in the URI",
		"cloudwatch://app:80/web":                          `error: group "app:80": want up to 512`,
		"cloudwatch:///a%20b/web":                          `error: group "/a b"`,
		"cloudwatch://aws/a/web":                           "error: a group cannot begin with aws/",
		"cloudwatch:///" + strings.Repeat("x", 512) + "/w": "error: want up to 512",
		"cloudwatch:///g/" + strings.Repeat("x", 513):      "error: want up to 512 characters",
		"cloudwatch:///g/%ff":                              "error: the stream's name is not UTF-8",
	} {
		got := ""
		o, err := sink.Parse(uri, nil)
		if err == nil {
			c := o.(*Config)
			c.Region = "eu-central-1"
			err = c.Validate()
			got = c.Group + " | " + fitStream(c.Stream)
		}
		if err != nil {
			got = "error: " + err.Error()
		}
		if want, isError := strings.CutPrefix(want, "error: "); isError != (err != nil) || !strings.Contains(got, want) || !isError && got != want {
			t.Errorf("%.80s: %s\nwant %s", uri, got, want)
		}
		if strings.Contains(got, "s3cret") {
			t.Error("the error holds a secret")
		}
	}
}

func TestValidateNamesEveryMistake(t *testing.T) {
	good := Config{Group: "app", Stream: "web", Region: "eu-central-1"}
	for name, c := range map[string]struct {
		change func(*Config)
		want   []string
	}{
		"nothing":              {func(*Config) {}, nil},
		"no names":             {func(c *Config) { c.Group, c.Stream = "", "" }, []string{"cloudwatch: group or stream missing"}},
		"no region":            {func(c *Config) { c.Region = "" }, []string{"region missing; give region=eu-central-1, or set AWS_REGION"}},
		"a bad region":         {func(c *Config) { c.Region = "eu.example/" }, []string{`region "eu.example/"`}},
		"no such profile":      {func(c *Config) { c.Profile = "nobody" }, []string{"AWS's settings: ", "nobody"}},
		"a role without ARN":   {func(c *Config) { c.Role = "logs" }, []string{`role "logs"; want an ARN such as`}},
		"no URL":               {func(c *Config) { c.Endpoint = "127.0.0.1:4566" }, []string{"endpoint: want http://HOST:PORT"}},
		"a password in it":     {func(c *Config) { c.Endpoint = "http://u:s3cret@h" }, []string{"without user, query and fragment"}},
		"an event of nothing":  {func(c *Config) { c.MaxEvent = 100 }, []string{"max-event is 100; want 1KiB to 1MiB"}},
		"an event of too much": {func(c *Config) { c.MaxEvent = 1<<20 + 1 }, []string{"max-event is 1048577"}},
		"several":              {func(c *Config) { c.Region, c.Role, c.Endpoint = "", "x", "y" }, []string{"region missing", "role", "endpoint"}},
	} {
		config := good
		c.change(&config)
		s, err := New(config)
		if (err != nil) != (len(c.want) > 0) || (s == nil) != (err != nil) {
			t.Errorf("%s: %v", name, err)
		}
		for _, want := range c.want {
			if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "s3cret") {
				t.Errorf("%s: %v\ndoes not say %q", name, err, want)
			}
		}
	}
}

func TestSettingsOfOtherProgramsCount(t *testing.T) {
	file := filepath.Join(t.TempDir(), "config")
	if err := os.WriteFile(file, []byte("[profile logs]\nregion = ap-south-1\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("AWS_CONFIG_FILE", file)
	region := func(profile string) string {
		c := Config{Group: "app", Stream: "web", Profile: profile}
		settings, err := c.settings()
		if err != nil {
			t.Error(err)
		}
		return settings.Region
	}
	if got := region("logs"); got != "ap-south-1" {
		t.Errorf("the region of the profile is %q", got)
	}
	t.Setenv("AWS_REGION", "us-west-2")
	if got := region(""); got != "us-west-2" {
		t.Errorf("the region of the variable is %q", got)
	}
}

// The parameters of the sink and of every sink stand in one URI.
func TestItsParametersAndThoseOfEverySinkGoTogether(t *testing.T) {
	plan, err := fapilog.Config{Routes: []fapilog.Route{{URI: "cloudwatch://app/web?region=eu-central-1&level=warn&linger=3s"}}}.Plan()
	if err != nil {
		t.Fatal(err)
	}
	got := make(map[string]string)
	for _, s := range plan.Sinks[0].Settings {
		got[s.Name] = s.Value
	}
	if got["linger"] != "3s" || got["batch-bytes"] != "990KiB" || got["level"] != "warn" {
		t.Errorf("%v", got)
	}
}

// A batch of the default size is one request, also of the shortest records.
func TestADefaultBatchIsOneRequest(t *testing.T) {
	var size sink.Bytes
	if err := size.Set(new(Config).Defaults()["batch-bytes"]); err != nil {
		t.Fatal(err)
	}
	if records := 1000; int(size)+records*overhead > maxBytes {
		t.Errorf("%d records of %d bytes do not fit", records, size)
	}
}

// Whatever the place is, what is accepted is what AWS accepts.
func TestWhateverThePlaceIs(t *testing.T) {
	places := []string{"//app/web", "///ecs/a/b", "a%23b/c", "//u:p@app/web", "//a%3Ab/b*c", "/", "//[::1]/x", "///%C3%BC/%ff"}
	random := rand.New(rand.NewPCG(1, 2))
	for range 20_000 {
		u, err := url.Parse("cloudwatch:" + string(mutated(random, places[random.IntN(len(places))])))
		if err != nil {
			continue
		}
		c := &Config{Region: "eu-central-1"}
		if c.SetURL(u) != nil || c.checkNames() != nil {
			continue
		}
		if stream := fitStream(c.Stream); !groupName.MatchString(c.Group) || stream == "" || strings.ContainsAny(stream, ":*") || u.User != nil {
			t.Errorf("%q is group %q and stream %q", u, c.Group, c.Stream)
		}
	}
}
