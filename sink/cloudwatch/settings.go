package cloudwatch

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"unicode/utf8"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/credentials/stscreds"
	"github.com/aws/aws-sdk-go-v2/service/sts"

	"github.com/fapilog/fapilog/sink"
)

// DefaultMaxEvent is what Config.MaxEvent is if it is 0, and the most that it can be: each
// log event can be no larger than 1 MB, and has to fit into a batch.
const DefaultMaxEvent sink.Bytes = maxBytes

// minMaxEvent is the least that Config.MaxEvent can be.
const minMaxEvent sink.Bytes = 1 << 10

var (
	errUserInfo = errors.New("credentials do not stand in the URI; they come from AWS_ACCESS_KEY_ID and its like, a profile or a role")
	errPlace    = errors.New("group or stream missing; write cloudwatch://GROUP/STREAM, or cloudwatch:///GROUP/WITH/SLASHES/STREAM")
	errEscape   = errors.New("group or stream is not percent-encoded; a percent sign is %25")
)

// maxName is the length of names, in characters:
// https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_CreateLogStream.html.
const maxName = 512

var (
	groupName  = regexp.MustCompile(`^[a-zA-Z0-9_\-/.#]+$`)
	regionName = regexp.MustCompile(`^[a-z0-9]+(-[a-z0-9]+)*$`)
	roleName   = regexp.MustCompile(`^arn:[a-z-]+:iam::[0-9]{12}:role/\S+$`)
)

// Validate implements [sink.Validator]. It returns all mistakes. AWS's shared files are read.
func (c *Config) Validate() error {
	_, err := c.settings()
	return err
}

// settings returns what the SDK makes of c, of variables and of shared files. It dials nothing.
func (c *Config) settings() (aws.Config, error) {
	errs := []error{c.checkNames(), c.checkEndpoint()}
	if c.MaxEvent != 0 && (c.MaxEvent < minMaxEvent || c.MaxEvent > DefaultMaxEvent) {
		errs = append(errs, fmt.Errorf("max-event is %v; want %v to %v", c.MaxEvent, minMaxEvent, DefaultMaxEvent))
	}
	if c.Role != "" && !roleName.MatchString(c.Role) {
		errs = append(errs, fmt.Errorf("role %.64q; want an ARN such as arn:aws:iam::123456789012:role/logs", c.Role))
	}
	settings, err := config.LoadDefaultConfig(context.Background(), c.options()...)
	switch {
	case err != nil:
		errs = append(errs, fmt.Errorf("AWS's settings: %s", oneLine(err.Error())))
	case settings.Region == "":
		errs = append(errs, errors.New("region missing; give region=eu-central-1, or set AWS_REGION"))
	case !regionName.MatchString(settings.Region):
		errs = append(errs, fmt.Errorf("region %.64q; want one such as eu-central-1", settings.Region))
	}
	if err := errors.Join(errs...); err != nil {
		return aws.Config{}, err
	}
	if c.Role != "" {
		settings.Credentials = assume(c.Role, settings)
	}
	return settings, nil
}

// credentials returns those of the settings as they are now.
func (c *Config) credentials() (aws.CredentialsProvider, error) {
	settings, err := c.settings()
	return settings.Credentials, err
}

// assume returns the credentials of a role, which those of settings are used to assume.
func assume(role string, settings aws.Config) aws.CredentialsProvider {
	if client, ok := settings.HTTPClient.(*awshttp.BuildableClient); ok {
		settings.HTTPClient = client.Freeze() // the SDK gives one that is not frozen a dialler of its own
	}
	return aws.NewCredentialsCache(stscreds.NewAssumeRoleProvider(sts.NewFromConfig(settings), role, func(o *stscreds.AssumeRoleOptions) {
		o.RoleSessionName = "fapilog"
	}))
}

func (c *Config) options() []func(*config.LoadOptions) error {
	client := awshttp.NewBuildableClient() // no other takes AWS_CA_BUNDLE
	if c.Dial != nil {
		client = client.WithTransportOptions(func(t *http.Transport) { t.DialContext = c.Dial })
	}
	options := []func(*config.LoadOptions) error{
		config.WithHTTPClient(client),
		config.WithRetryer(func() aws.Retryer { return aws.NopRetryer{} }),
		config.WithDefaultsMode(aws.DefaultsModeStandard), // auto would ask the metadata service
		config.WithAppID("fapilog"),
	}
	if c.Region != "" {
		options = append(options, config.WithRegion(c.Region))
	}
	if c.Profile != "" {
		options = append(options, config.WithSharedConfigProfile(c.Profile))
	}
	if c.Credentials != nil {
		options = append(options, config.WithCredentialsProvider(c.Credentials))
	}
	return options
}

// checkNames reports what is not allowed in the names of group and stream.
func (c *Config) checkNames() error {
	if c.Group == "" || c.Stream == "" {
		return errPlace
	}
	var errs []error
	if !groupName.MatchString(c.Group) || len(c.Group) > maxName {
		errs = append(errs, fmt.Errorf("group %.64q: want up to %d letters, digits and _ - / . #", c.Group, maxName))
	}
	if strings.HasPrefix(c.Group, "aws/") {
		errs = append(errs, errors.New("a group cannot begin with aws/; those of AWS begin with /aws/"))
	}
	if utf8.RuneCountInString(c.Stream) > maxName {
		errs = append(errs, fmt.Errorf("stream %.64q…: want up to %d characters", c.Stream, maxName))
	}
	if !utf8.ValidString(c.Stream) {
		errs = append(errs, errors.New("the stream's name is not UTF-8"))
	}
	return errors.Join(errs...)
}

// checkEndpoint reports an endpoint that is none. It may hold a secret, and is not quoted.
func (c *Config) checkEndpoint() error {
	if c.Endpoint == "" {
		return nil
	}
	u, err := url.Parse(c.Endpoint)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		return errors.New("endpoint: want http://HOST:PORT or https://HOST, without user, query and fragment")
	}
	return nil
}

// fitStream returns the name of a stream with _ in place of what AWS does not allow: it often comes
// from outside, as the name of a host or task.
func fitStream(name string) string { return strings.NewReplacer(":", "_", "*", "_").Replace(name) }
