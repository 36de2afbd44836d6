package cloudwatch

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"

	"github.com/fapilog/fapilog/sink"
)

// put sends one request. If group or stream do not exist and may be created, nothing was stored: they are
// created, and the request is made again. A request that CloudWatch Logs says it
// has already is a success without an output.
func (d *destination) put(ctx context.Context, events []event) (*cloudwatchlogs.PutLogEventsOutput, error) {
	in := &cloudwatchlogs.PutLogEventsInput{LogGroupName: &d.group, LogStreamName: &d.stream, LogEvents: input(events)}
	out, err := d.client.PutLogEvents(ctx, in)
	if d.create && codeOf(err) == codeNotFound {
		if err := d.createStream(ctx); err != nil {
			return nil, err
		}
		if out, err = d.client.PutLogEvents(ctx, in); codeOf(err) == codeNotFound {
			return nil, &sink.Error{Err: describe(err)} // it takes a while until what was created is everywhere
		}
	}
	if codeOf(err) == codeAccepted {
		return nil, nil
	}
	return out, err
}

// createStream creates the stream, and before it the group if that is missing as well.
func (d *destination) createStream(ctx context.Context) error {
	err := d.tryStream(ctx)
	if codeOf(err) != codeNotFound {
		return err
	}
	_, err = d.client.CreateLogGroup(ctx, &cloudwatchlogs.CreateLogGroupInput{LogGroupName: &d.group})
	if err != nil && codeOf(err) != codeExists {
		return err
	}
	if err = d.tryStream(ctx); codeOf(err) == codeNotFound {
		return &sink.Error{Err: describe(err)}
	}
	return err
}

// tryStream creates the stream, unless someone else has.
func (d *destination) tryStream(ctx context.Context) error {
	_, err := d.client.CreateLogStream(ctx, &cloudwatchlogs.CreateLogStreamInput{LogGroupName: &d.group, LogStreamName: &d.stream})
	if codeOf(err) == codeExists {
		return nil
	}
	return err
}
