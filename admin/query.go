package admin

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// query returns the parameters of the URL by name. The reply is not nil if there
// is one that is not known, given twice or malformed: a mistyped sink= would
// otherwise mean all of them.
func query(u *url.URL, known ...string) (map[string]*string, *reply) {
	values, err := url.ParseQuery(u.RawQuery)
	if err != nil {
		a := say(http.StatusBadRequest, "malformed query; percent-encode its values")
		return nil, &a
	}
	once := make(map[string]*string)
	for name, all := range values {
		if !slices.Contains(known, name) {
			a := say(http.StatusBadRequest, "unknown parameter %q; there are: %s", name, strings.Join(known, " "))
			return nil, &a
		}
		if len(all) > 1 {
			a := say(http.StatusBadRequest, "parameter %q is given twice; give it once", name)
			return nil, &a
		}
		once[name] = &all[0]
	}
	return once, nil
}
