package cwtest

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
)

// checkRequest refuses what is not a request of the protocol, or not signed with the right key
// (https://docs.aws.amazon.com/IAM/latest/UserGuide/create-signed-request.html).
func (s *Server) checkRequest(r *http.Request, body []byte) error {
	if r.Method != http.MethodPost || r.URL.Path != "/" || r.URL.RawQuery != "" {
		return failure("UnknownOperationException", "%s %s is no request", r.Method, r.URL)
	}
	if r.Header.Get("Content-Type") != contentType {
		return failure("SerializationException", "the content type is %q", r.Header.Get("Content-Type"))
	}
	a, ok := parseAuthorization(r.Header.Get("Authorization"))
	if !ok {
		return failure("MissingAuthenticationTokenException", "Missing Authentication Token")
	}
	at, err := time.Parse("20060102T150405Z", r.Header.Get("X-Amz-Date"))
	if err != nil {
		return failure("IncompleteSignatureException", "X-Amz-Date is %q", r.Header.Get("X-Amz-Date"))
	}
	if skew := time.Since(at).Abs(); skew > 5*time.Minute {
		return failure("InvalidSignatureException", "Signature expired: %s is now earlier than %s", at, time.Now().Add(-5*time.Minute))
	}
	region := cmp.Or(s.Region, Region)
	key := aws.Credentials{
		AccessKeyID: cmp.Or(s.AccessKey, AccessKey), SecretAccessKey: cmp.Or(s.SecretKey, SecretKey),
		SessionToken: r.Header.Get("X-Amz-Security-Token"),
	}
	if a.scope != strings.Join([]string{key.AccessKeyID, at.Format("20060102"), region, "logs", "aws4_request"}, "/") {
		return failure("UnrecognizedClientException", "The security token included in the request is invalid.")
	}
	if a.signature == "" || a.signature != sign(r, body, a.headers, key, region, at) {
		// The real service quotes the canonical request here, with the session token in it.
		return failure("InvalidSignatureException", "The request signature we calculated does not match the signature you provided. "+
			"Check your AWS Secret Access Key and signing method. Consult the service documentation for details.\n\n"+
			"The Canonical String for this request should have been\n'POST\n/\n\nx-amz-security-token:%s\n'", key.SessionToken)
	}
	return nil
}

// authorization is an Authorization header.
type authorization struct {
	scope     string
	headers   []string
	signature string
}

func parseAuthorization(text string) (a authorization, ok bool) {
	rest, ok := strings.CutPrefix(text, "AWS4-HMAC-SHA256 ")
	if !ok {
		return a, false
	}
	for part := range strings.SplitSeq(rest, ",") {
		name, value, _ := strings.Cut(strings.TrimSpace(part), "=")
		switch name {
		case "Credential":
			a.scope = value
		case "SignedHeaders":
			a.headers = strings.Split(value, ";")
		case "Signature":
			a.signature = value
		}
	}
	return a, true
}

// sign returns the signature that r should have over these headers.
func sign(r *http.Request, body []byte, headers []string, key aws.Credentials, region string, at time.Time) string {
	again := &http.Request{Method: r.Method, URL: &url.URL{Scheme: "https", Host: r.Host, Path: "/"}, Host: r.Host, Header: http.Header{}}
	for _, name := range headers {
		switch name {
		case "host":
		case "content-length":
			again.ContentLength = r.ContentLength
		default:
			again.Header[http.CanonicalHeaderKey(name)] = r.Header.Values(name)
		}
	}
	hash := sha256.Sum256(body)
	if err := v4.NewSigner().SignHTTP(context.Background(), key, again, hex.EncodeToString(hash[:]), "logs", region, at); err != nil {
		return ""
	}
	a, _ := parseAuthorization(again.Header.Get("Authorization"))
	return a.signature
}
