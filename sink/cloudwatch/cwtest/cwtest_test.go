package cwtest

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
)

// call makes a signed request, and returns the answer's status and what is in it.
func call(t *testing.T, s *Server, operation, body string, change func(*http.Request)) (int, map[string]any) {
	t.Helper()
	r := httptest.NewRequest(http.MethodPost, "http://logs.example/", strings.NewReader(body))
	r.Header.Set("X-Amz-Target", "Logs_20140328."+operation)
	r.Header.Set("Content-Type", contentType)
	hash := sha256.Sum256([]byte(body))
	key := aws.Credentials{AccessKeyID: AccessKey, SecretAccessKey: SecretKey, SessionToken: "token"}
	if err := v4.NewSigner().SignHTTP(context.Background(), key, r, hex.EncodeToString(hash[:]), "logs", Region, time.Now()); err != nil {
		t.Fatal(err)
	}
	if change != nil {
		change(r)
	}
	w := httptest.NewRecorder()
	s.ServeHTTP(w, r)
	var out map[string]any
	if w.Body.Len() > 0 {
		if err := json.Unmarshal(w.Body.Bytes(), &out); err != nil {
			t.Fatalf("%s: %v", w.Body, err)
		}
	}
	return w.Code, out
}

// outcome returns the code of the error that a request has, or nothing.
func outcome(t *testing.T, s *Server, operation, body string) string {
	t.Helper()
	_, out := call(t, s, operation, body, nil)
	code, _ := out["__type"].(string)
	message, _ := out["message"].(string)
	return strings.TrimSpace(code + " " + message)
}

// put returns the body of a PutLogEvents request with events of these sizes, overhead included, and times in relation to now.
func put(size int, at ...time.Duration) string {
	var b strings.Builder
	for i, d := range at {
		if i > 0 {
			b.WriteByte(',')
		}
		fmt.Fprintf(&b, `{"timestamp":%d,"message":%q}`, time.Now().Add(d).UnixMilli(), strings.Repeat("x", size-overhead))
	}
	return fmt.Sprintf(`{"logGroupName":"g","logStreamName":"s","logEvents":[%s]}`, &b)
}

func TestRequestsBeyondTheDocumentedLimitsAreRefused(t *testing.T) {
	many := make([]time.Duration, maxEvents+1)
	for name, c := range map[string]struct {
		body func() string
		want string
	}{
		"one":                     {func() string { return put(100, 0) }, ""},
		"as many as may be":       {func() string { return put(27, many[1:]...) }, ""},
		"one more":                {func() string { return put(27, many...) }, "InvalidParameterException 1 validation error"},
		"none":                    {func() string { return put(100) }, "InvalidParameterException 1 validation error"},
		"as large as may be":      {func() string { return put(maxBytes/4, 0, 0, 0, 0) }, ""},
		"a byte more":             {func() string { return put(maxBytes/4+1, 0, 0, 0, 0) }, "InvalidParameterException Upload too large: 1048580 bytes exceeds limit of 1048576"},
		"the largest event":       {func() string { return put(maxBytes, 0) }, ""},
		"a larger one":            {func() string { return put(maxBytes+1, 0) }, "InvalidParameterException Log event too large: 1048577 bytes exceeds limit of 1048576"},
		"an empty message":        {func() string { return put(26, 0) }, "InvalidParameterException 1 validation error"},
		"out of order":            {func() string { return put(100, 0, -time.Second) }, "InvalidParameterException Log events in a single PutLogEvents request must be in chronological order."},
		"a day":                   {func() string { return put(100, -24*time.Hour, 0) }, ""},
		"a millisecond more":      {func() string { return put(100, -24*time.Hour-time.Millisecond, 0) }, "InvalidParameterException The batch of log events in a single PutLogEvents request cannot span more than 24 hours."},
		"before 1970":             {func() string { return put(100, -time.Duration(time.Now().UnixNano())-time.Second) }, "InvalidParameterException"},
		"an unknown member":       {func() string { return `{"logGroupName":"g","logstream":"s"}` }, "SerializationException"},
		"two values":              {func() string { return put(100, 0) + "{}" }, "SerializationException more than one value"},
		"no JSON":                 {func() string { return "logGroupName=g" }, "SerializationException"},
		"a group with a space":    {func() string { return strings.Replace(put(100, 0), `"g"`, `"g g"`, 1) }, "InvalidParameterException Value 'g g' at 'logGroupName'"},
		"a group of AWS":          {func() string { return strings.Replace(put(100, 0), `"g"`, `"aws/g"`, 1) }, "InvalidParameterException"},
		"a stream with a colon":   {func() string { return strings.Replace(put(100, 0), `"s"`, `"s:1"`, 1) }, "InvalidParameterException Value 's:1' at 'logStreamName'"},
		"a stream without name":   {func() string { return strings.Replace(put(100, 0), `"s"`, `""`, 1) }, "InvalidParameterException"},
		"another stream":          {func() string { return strings.Replace(put(100, 0), `"s"`, `"t"`, 1) }, "ResourceNotFoundException The specified log stream does not exist."},
		"another group":           {func() string { return strings.Replace(put(100, 0), `"g"`, `"h"`, 1) }, "ResourceNotFoundException"},
		"a name that is too long": {func() string { return strings.Replace(put(100, 0), `"g"`, `"`+strings.Repeat("g", 513)+`"`, 1) }, "InvalidParameterException"},
	} {
		t.Run(name, func(t *testing.T) {
			s := new(Server)
			s.Create("g", "s")
			got := outcome(t, s, "PutLogEvents", c.body())
			if !strings.HasPrefix(got, c.want) || c.want == "" && got != "" {
				t.Errorf("%.200q, want %q", got, c.want)
			}
			if stored := len(s.Events("g", "s")); (stored > 0) != (got == "") {
				t.Errorf("%d events are stored", stored)
			}
		})
	}
	s := &Server{MaxEvent: 256 << 10}
	s.Create("g", "s")
	if got := outcome(t, s, "PutLogEvents", put(256<<10+1, 0)); !strings.HasSuffix(got, "exceeds limit of 262144") {
		t.Errorf("%q", got)
	}
}

func TestWhatIsTooOldOrTooNewIsRejectedAndTheRestStored(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const day = 24 * time.Hour
		for _, c := range []struct {
			at   []time.Duration
			want string
		}{
			{[]time.Duration{-14 * day, -13*day - time.Hour}, `null`},
			{[]time.Duration{-14*day - 2e6, -14*day - 1e6, -14 * day}, `{"tooOldLogEventEndIndex":2}`},
			{[]time.Duration{-time.Hour, 2 * time.Hour, 2*time.Hour + 1e6, 3 * time.Hour}, `{"tooNewLogEventStartIndex":2}`},
		} {
			s := new(Server)
			s.Create("g", "s")
			_, out := call(t, s, "PutLogEvents", put(100, c.at...), nil)
			if got, _ := json.Marshal(out["rejectedLogEventsInfo"]); string(got) != c.want {
				t.Errorf("%v: %s, want %s", c.at, got, c.want)
			}
		}
		s := &Server{Retention: day}
		s.Create("g", "s")
		_, out := call(t, s, "PutLogEvents", put(100, -day-time.Hour, -day, -time.Hour-time.Minute), nil)
		if got, _ := json.Marshal(out["rejectedLogEventsInfo"]); string(got) != `{"expiredLogEventEndIndex":1}` || len(s.Events("g", "s")) != 2 {
			t.Errorf("%s, %d events", got, len(s.Events("g", "s")))
		}
	})
}

func TestRequestsAreToBeSigned(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*http.Request)
		want   string
	}{
		"as it is":             {nil, ""},
		"another body":         {func(r *http.Request) { r.Body = io.NopCloser(strings.NewReader(put(101, 0))) }, "InvalidSignatureException"},
		"another target":       {func(r *http.Request) { r.Header.Set("X-Amz-Target", "Logs_20140328.CreateLogGroup") }, "InvalidSignatureException"},
		"another token":        {func(r *http.Request) { r.Header.Set("X-Amz-Security-Token", "other") }, "InvalidSignatureException"},
		"a header that is not": {func(r *http.Request) { r.Header.Set("Accept-Encoding", "gzip") }, ""},
		"no signature":         {func(r *http.Request) { r.Header.Del("Authorization") }, "MissingAuthenticationTokenException"},
		"another kind":         {func(r *http.Request) { r.Header.Set("Authorization", "Bearer x") }, "MissingAuthenticationTokenException"},
		"an empty one":         {func(r *http.Request) { r.Header.Set("Authorization", "AWS4-HMAC-SHA256 ") }, "UnrecognizedClientException"},
		"without a date":       {func(r *http.Request) { r.Header.Del("X-Amz-Date") }, "IncompleteSignatureException"},
		"of long ago":          {func(r *http.Request) { r.Header.Set("X-Amz-Date", "20000101T000000Z") }, "InvalidSignatureException"},
		"of another key": {func(r *http.Request) {
			r.Header.Set("Authorization", strings.Replace(r.Header.Get("Authorization"), AccessKey, "AKIDOTHER", 1))
		}, "UnrecognizedClientException"},
		"by GET":              {func(r *http.Request) { r.Method = http.MethodGet }, "UnknownOperationException"},
		"to a path":           {func(r *http.Request) { r.URL.Path = "/logs" }, "UnknownOperationException"},
		"of another protocol": {func(r *http.Request) { r.Header.Set("Content-Type", "application/json") }, "SerializationException"},
	} {
		s := new(Server)
		s.Create("g", "s")
		status, out := call(t, s, "PutLogEvents", put(100, 0), c.change)
		code, _ := out["__type"].(string)
		if code != c.want || (status == 200) != (c.want == "") {
			t.Errorf("%s: %d %s, want %s", name, status, code, c.want)
		}
	}
}

func TestGroupsAndStreams(t *testing.T) {
	s := new(Server)
	group, stream := `{"logGroupName":"g"}`, `{"logGroupName":"g","logStreamName":"s1"}`
	for _, step := range []struct{ operation, body, want string }{
		{"CreateLogStream", stream, "ResourceNotFoundException"},
		{"DescribeLogStreams", group, "ResourceNotFoundException"},
		{"CreateLogGroup", group, ""},
		{"CreateLogGroup", group, "ResourceAlreadyExistsException"},
		{"CreateLogStream", stream, ""},
		{"CreateLogStream", stream, "ResourceAlreadyExistsException"},
		{"DeleteLogGroup", group, "UnknownOperationException"},
	} {
		if got := outcome(t, s, step.operation, step.body); !strings.HasPrefix(got, step.want) || step.want == "" && got != "" {
			t.Errorf("%s: %q, want %q", step.operation, got, step.want)
		}
	}
	_, out := call(t, s, "DescribeLogStreams", `{"logGroupName":"g","logStreamNamePrefix":"s","limit":1}`, nil)
	if got, _ := json.Marshal(out); string(got) != `{"logStreams":[{"logStreamName":"s1"}]}` {
		t.Errorf("%s", got)
	}
}

func TestThrottlingIsByTheSecond(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &Server{PerSecond: 2}
		s.Create("g", "s")
		var got []bool
		for range 4 {
			got = append(got, outcome(t, s, "PutLogEvents", put(100, 0)) == "")
			time.Sleep(300 * time.Millisecond)
		}
		got = append(got, outcome(t, s, "PutLogEvents", put(100, 0)) == "")
		if want := []bool{true, true, false, false, true}; !slices.Equal(got, want) {
			t.Errorf("%v, want %v", got, want)
		}
	})
}

func TestAsAFrontItLetsOnlyPassWhatIsWithinTheLimits(t *testing.T) {
	var passed []string
	s := &Server{Next: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		passed = append(passed, string(body))
		w.WriteHeader(http.StatusTeapot)
	})}
	good, bad := put(100, 0), put(100, 0, -time.Second)
	if got := outcome(t, s, "PutLogEvents", bad); !strings.HasPrefix(got, "InvalidParameterException") {
		t.Errorf("%q", got)
	}
	status, _ := call(t, s, "PutLogEvents", good, nil)
	if status != http.StatusTeapot || !slices.Equal(passed, []string{good}) {
		t.Errorf("%d, %d passed", status, len(passed))
	}
	call(t, s, "GetLogEvents", `{"logGroupName":"g","logStreamName":"s","startFromHead":true}`, nil)
	if requests := s.Requests(); len(requests) != 3 || len(passed) != 2 || requests[0].Code == "" || requests[1].Events != 1 || requests[1].Bytes != 100 {
		t.Errorf("%+v, %d passed", requests, len(passed))
	}
}

// Whatever comes, the server answers.
func TestWhateverTheRequestIs(t *testing.T) {
	bodies := []string{
		put(30, -time.Second, 0), `{"logGroupName":"g"}`, `{"logGroupName":"g","limit":-1}`,
		`{"logGroupName":"g","logStreamName":"s","logEvents":[{"timestamp":9223372036854775807,"message":"x"},{"timestamp":null}]}`,
	}
	random := rand.New(rand.NewPCG(1, 2))
	for range 3000 {
		body := []byte(bodies[random.IntN(len(bodies))])
		for range random.IntN(4) {
			body[random.IntN(len(body))] = "0179-\"{}[],:\\ \xff\x00ae"[random.IntN(18)]
		}
		s := new(Server)
		s.Create("g", "s")
		if status, _ := call(t, s, own[random.IntN(len(own))], string(body), nil); status != 200 && status != 400 {
			t.Errorf("%d for %q", status, body)
		}
	}
}
