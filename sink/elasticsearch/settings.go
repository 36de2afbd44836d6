package elasticsearch

import (
	"cmp"
	"errors"
	"fmt"
	"net"
	"net/url"
	"strings"
	"unicode"

	"github.com/fapilog/fapilog/sink"
	"github.com/fapilog/fapilog/sink/endpoint"
	"github.com/fapilog/fapilog/sink/internal/httppost"
)

// Validate implements [sink.Validator]. It returns all mistakes. Files of TLS are
// read, those of credentials are not.
func (c *Config) Validate() error {
	_, _, err := c.resolve()
	return err
}

// resolve returns the settings of each host's client, URL's first, and the
// pattern of the index.
func (c *Config) resolve() ([]endpoint.Config, pattern, error) {
	common, credentials := c.common()
	index, patternErr := c.pattern()
	errs := []error{common.Validate(), credentials, patternErr, c.checkPipeline()}

	configs := []endpoint.Config{common}
	for _, host := range c.Hosts {
		u, err := nodeURL(common.URL, host)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		node := common
		node.URL = u
		configs = append(configs, node)
	}
	if err := errors.Join(errs...); err != nil {
		return nil, pattern{}, fmt.Errorf("elasticsearch: %w", err)
	}
	return configs, index, nil
}

// common returns what all hosts' clients share.
func (c *Config) common() (endpoint.Config, error) {
	common := c.Endpoint
	common.MaxResponse = cmp.Or(common.MaxResponse, maxAnswer)
	if c.APIKey == "" && c.APIKeyFile == "" {
		return common, nil
	}
	if c.BearerToken != "" || c.BearerFile != "" {
		return common, errors.New("api-key and bearer are two kinds of credentials; give one")
	}
	common.AuthScheme, common.BearerToken, common.BearerFile = "ApiKey", c.APIKey, c.APIKeyFile
	if strings.Contains(c.APIKey.Reveal(), ":") {
		return common, errors.New("api-key: want the encoded form, which is base64 of id:api_key")
	}
	return common, nil
}

// pattern returns Index, compiled.
func (c *Config) pattern() (pattern, error) {
	index := cmp.Or(c.Index, DefaultIndex)
	if c.DataStream && index == DefaultIndex {
		index = DefaultDataStream
	}
	p, err := compile(index)
	switch {
	case err != nil:
		return p, fmt.Errorf("index: %w", err)
	case !c.DataStream:
		return p, nil
	case p.dated:
		return p, errors.New("index: a data stream rolls over by itself; leave the date out, or data-stream")
	case strings.HasPrefix(index, ".ds-"):
		return p, errors.New("index: a data stream's name cannot begin with .ds-")
	case c.TimestampField == NoTimestamp:
		return p, errors.New("timestamp-field: a data stream needs one")
	}
	return p, nil
}

func (c *Config) checkPipeline() error {
	if strings.ContainsFunc(c.Pipeline, unicode.IsControl) {
		return errors.New("pipeline: a control character is in it")
	}
	return nil
}

// nodeURL returns base with another host, and another port if host has one.
func nodeURL(base *url.URL, host string) (*url.URL, error) {
	u, err := url.Parse("//" + host)
	if err != nil || u.Host != host || u.Hostname() == "" || strings.HasSuffix(host, ":") {
		// It may hold a password: it is not quoted.
		return nil, errors.New("hosts: want host or host:port, separated by commas, without scheme, user and path")
	}
	if base == nil {
		return nil, nil // a mistake that is reported elsewhere
	}
	node := *base
	node.Host = host
	if port := base.Port(); u.Port() == "" && port != "" {
		node.Host = net.JoinHostPort(u.Hostname(), port)
	}
	return &node, validPort(u.Port())
}

func validPort(port string) error {
	if port == "" {
		return nil
	}
	if n, err := net.LookupPort("tcp", port); err != nil || n == 0 {
		return fmt.Errorf("hosts: port %.16q: want 1 to 65535", port)
	}
	return nil
}

// open returns the sink that c describes.
func open(c Config) (*Sink, error) {
	configs, index, err := c.resolve()
	if err != nil {
		return nil, err
	}
	s := newSink(&c, index)
	for _, config := range configs {
		client, err := httppost.New(config, "elasticsearch")
		if err != nil {
			return nil, errors.Join(fmt.Errorf("elasticsearch: %w", err), s.Close())
		}
		s.nodes = append(s.nodes, node{client, config.URL.Host})
	}
	return s, nil
}

var _ sink.Validator = (*Config)(nil)
