package httppost

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"strings"
	"testing"
)

// The user's name is part of the host's, so that masking changes the text.
func TestFailureToConnectIsKnownWhateverItsTextHides(t *testing.T) {
	tests := map[string]struct {
		err  error
		want bool
	}{
		"dial":  {&net.OpError{Op: "dial", Err: errors.New("canaryhost refused")}, true},
		"other": {&net.OpError{Op: "read", Err: errors.New("canaryhost refused")}, false},
		"plain": {errors.New("canaryhost refused"), false},
	}
	for name, test := range tests {
		for _, user := range []string{"", "canaryhost"} {
			c := Config{URL: &url.URL{Scheme: "http", Host: "canaryhost-1:9"}, User: user}
			if user != "" {
				c.Password = "long password"
			}
			c.Dial = func(context.Context, string, string) (net.Conn, error) { return nil, test.err }
			client, err := New(c, "test")
			if err != nil {
				t.Fatal(err)
			}
			_, err = client.Do(t.Context(), Request{})
			if err == nil || Unconnected(err) != test.want || Unconnected(fmt.Errorf("s: %w", err)) != test.want {
				t.Errorf("%s, user %q: %v is %v", name, user, err, Unconnected(err))
			}
			if user != "" && !strings.Contains(err.Error(), "*** refused") {
				t.Errorf("%s: %v does not hide the user", name, err)
			}
			client.Close()
		}
	}
}
