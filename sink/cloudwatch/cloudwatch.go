// Package cloudwatch is the sink that sends records to Amazon CloudWatch Logs. It
// registers the scheme cloudwatch:
//
//	cloudwatch://app/web-1?region=eu-central-1
//	cloudwatch:///ecs/api/${HOSTNAME}?region=eu-central-1&create=false
//
// The last part of the path is the log stream, all before it the log group, with its
// slashes: the second example has the group /ecs/api. A slash in the name of a stream is
// written %2F.
//
// The package is a module of its own, as it needs the AWS SDK for Go. The command that is
// built from github.com/fapilog/fapilog/full/fapilog has it.
//
// # Credentials
//
// They come from AWS's own chain and never stand in the URI: the variables
// AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN, the shared files with
// profile, web identity, the roles of containers and instances
// (https://docs.aws.amazon.com/sdkref/latest/guide/standardized-credentials.html). With
// role they are used to assume that one. Whenever the sink was parked they are loaded anew, from shared files that
// may have changed. They need logs:PutLogEvents, and to create what is
// missing logs:CreateLogStream and logs:CreateLogGroup. AWS_REGION, AWS_CA_BUNDLE, AWS_ENDPOINT_URL
// and HTTPS_PROXY count as in other programs. The SDK's own retries are off.
//
// # What is sent
//
// A batch is one PutLogEvents request. The message is the record's JSON, byte for byte; only
// bytes that are not UTF-8 become U+FFFD. The time is the record's own, in
// milliseconds; that of a record without one is the time of the attempt. CloudWatch Logs wants
// events in the order of their times, so a batch is sorted by time, and records of the same
// millisecond stay as they were logged.
//
// A stream that does not exist is created, and so is its group, which then keeps its events
// forever: set its retention. With create=false, or without the permission, the sink is
// parked. In names of streams : and *, which AWS does not allow, become _.
//
// CloudWatch Logs recognises no event that it has already. When an answer is lost, its batch is
// there twice.
//
// # Limits
//
// A request has up to 10,000 events and 1,048,576 bytes, each event counting 26 more than its
// message, and spans up to 24 hours
// (https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PutLogEvents.html).
// Of a batch that is more than that, such as one from a journal that holds the records of days, as many
// of the oldest as fit are sent, and the others in the next attempts, which follow at once.
//
// An event can have 1 MiB with its 26 bytes. Until 2025 it was 256 KiB, which other servers
// may still have: max-event says so. A record that is longer is quarantined.
//
// Events more than 14 days old, older than the group's retention, or more than 2 hours in the future are
// refused by CloudWatch Logs one by one: they are quarantined with its reason, and the others
// are delivered. Records outside the years 1970 to 9999 are not sent.
//
// # Answers
//
// An error of AWS is judged by its code, since its status is 400 for nearly all of them; see
// [Table]. Throttling is waited out: it leaves the circuit closed. Missing, expired or wrong
// credentials and permissions park the sink until they change; so does an unknown
// certificate. A code that says that the request is invalid searches for the guilty
// record. An answer that is not from CloudWatch Logs, a page of a proxy with status 200, say, is
// a failure and tried again.
//
// # Troubleshooting
//
// "no AWS credentials": nothing of the chain has any. On an instance, see that it
// has a role, and that the metadata service can be reached from a container (its hop limit
// is 1 by default).
//
// "AccessDeniedException … logs:CreateLogGroup": grant it, or create group and stream yourself.
//
// "ResourceNotFoundException": create=false and there is no such group or stream, or they are in
// another region or account.
//
// "ExpiredTokenException", "UnrecognizedClientException": the access key is temporary and has expired, or
// is of another partition. Keys in variables cannot be renewed while the program runs; use a role or a
// profile. Keys in a profile can: a parked sink reads the shared files again for its next attempt, a minute later.
//
// "InvalidSignatureException": the secret is not that of the key, or the clock is wrong.
//
// "ThrottlingException": the account's quota of PutLogEvents requests a second. Larger batches need fewer
// requests: raise linger and batch-records.
//
// Delivered, and not found: the console shows times in UTC or local time, and a record
// stands at the time at which it was logged. A new stream shows up after some seconds.
package cloudwatch

import (
	"cmp"
	"context"
	"flag"
	"fmt"
	"net"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"

	"github.com/fapilog/fapilog/sink"
)

func init() {
	sink.Register("cloudwatch", func() sink.Opener { return &Config{Create: true} })
}

// Config describes a log stream and how it is reached. Group and Stream are required, and a
// region from somewhere.
type Config struct {
	Group  string // 1 to 512 of the characters a-z A-Z 0-9 _ - / . #
	Stream string // 1 to 512 characters; : and * become _

	Region   string     // empty: that of the chain, AWS_REGION first
	Profile  string     // of the shared files; empty: AWS_PROFILE, else default
	Role     string     // ARN of a role to assume; empty: none
	Endpoint string     // http or https URL of another server; empty: that of the region
	Create   bool       // a group or stream that does not exist is created; on in URIs
	MaxEvent sink.Bytes // largest event, its 26 bytes of overhead included; 0: DefaultMaxEvent

	// Credentials are used in place of those of the chain, if not nil.
	Credentials aws.CredentialsProvider

	// Dial makes the connections to CloudWatch Logs, and those to assume Role; nil: a net.Dialer.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)
}

// Flags implements [sink.Opener].
func (c *Config) Flags(fs *flag.FlagSet) {
	c.MaxEvent = cmp.Or(c.MaxEvent, DefaultMaxEvent)
	fs.StringVar(&c.Region, "region", c.Region, "the `region`: eu-central-1; none: AWS_REGION, or that of the profile")
	fs.StringVar(&c.Profile, "profile", c.Profile, "the `profile` of AWS's shared files; none: AWS_PROFILE")
	fs.StringVar(&c.Role, "role", c.Role, "`ARN` of a role to assume")
	fs.StringVar(&c.Endpoint, "endpoint", c.Endpoint, "`URL` of another server, http or https: for a VPC endpoint or a test")
	fs.BoolVar(&c.Create, "create", c.Create, "create the group and the stream where they do not exist")
	fs.Var(&c.MaxEvent, "max-event", "largest `event` that the server takes, 26 bytes of overhead included")
}

// SetURL implements [sink.Opener].
func (c *Config) SetURL(u *url.URL) error {
	if u.User != nil {
		return errUserInfo
	}
	place := cmp.Or(u.Opaque, u.Host+u.EscapedPath())
	cut := strings.LastIndexByte(place, '/')
	if cut < 1 || cut == len(place)-1 {
		return errPlace
	}
	var err1, err2 error
	c.Group, err1 = url.PathUnescape(place[:cut])
	c.Stream, err2 = url.PathUnescape(place[cut+1:])
	if err1 != nil || err2 != nil {
		return errEscape
	}
	return nil
}

// Defaults implements [sink.Defaulter]: with 26 bytes for each of the 1000 records of a
// batch it is still one request.
func (c *Config) Defaults() map[string]string { return map[string]string{"batch-bytes": "990KiB"} }

// Open implements [sink.Opener]. It is New.
func (c *Config) Open(context.Context) (sink.Sink, error) { return New(*c) }

// destination is the sink.
type destination struct {
	client      *cloudwatchlogs.Client
	exchange    *exchange
	credentials *chain
	group       string
	stream      string
	create      bool
	maxEvent    int
}

// New returns the sink. AWS's shared files are read; nothing is dialled. The error joins what
// is wrong with the settings.
func New(c Config) (sink.Sink, error) {
	settings, err := c.settings()
	if err != nil {
		return nil, fmt.Errorf("cloudwatch: %w", err)
	}
	x := newExchange(settings)
	d := &destination{
		exchange: x, credentials: &chain{load: c.credentials, provider: settings.Credentials},
		group: c.Group, stream: fitStream(c.Stream), create: c.Create,
		maxEvent: int(cmp.Or(c.MaxEvent, DefaultMaxEvent)),
	}
	settings.Credentials = d.credentials
	d.client = cloudwatchlogs.NewFromConfig(settings, func(o *cloudwatchlogs.Options) {
		o.HTTPClient = x
		if c.Endpoint != "" {
			o.BaseEndpoint = &c.Endpoint
		}
	})
	return d, nil
}

// Write implements [sink.Sink].
func (d *destination) Write(ctx context.Context, batch []sink.Record) error {
	events, items := pack(batch, time.Now(), d.maxEvent)
	if len(events) > 0 {
		n := fitting(events)
		out, err := d.put(ctx, events[:n])
		if err = judge(ctx, err); err != nil {
			return d.credentials.parked(err)
		}
		if out != nil {
			items = append(items, refused(events[:n], out.RejectedLogEventsInfo, time.Now())...)
		}
		items = append(items, postponed(events[n:])...)
	}
	if len(items) == 0 {
		return nil
	}
	slices.SortFunc(items, func(a, b sink.ItemError) int { return a.Index - b.Index })
	return &sink.Error{Items: items}
}

// Ping implements [sink.Pinger]. It asks for the stream, and does not mind if it may not: a
// program that logs need not be allowed to list streams.
func (d *destination) Ping(ctx context.Context) error {
	_, err := d.client.DescribeLogStreams(ctx, &cloudwatchlogs.DescribeLogStreamsInput{
		LogGroupName: &d.group, LogStreamNamePrefix: &d.stream, Limit: aws.Int32(1),
	})
	if code := codeOf(err); code == codeAccessDenied || code == codeNotFound && d.create {
		return nil
	}
	return d.credentials.parked(judge(ctx, err))
}

// Close implements [sink.Sink].
func (d *destination) Close() error {
	d.exchange.close()
	return nil
}

var _ interface {
	sink.Opener
	sink.Validator
	sink.Defaulter
} = (*Config)(nil)
