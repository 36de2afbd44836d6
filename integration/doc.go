// Package integration tests fapilog with real servers, and with clients that others
// have written.
//
//	Prometheus                metrics, alerts
//	Grafana Loki              sink/loki
//	OpenTelemetry Collector   sink/otlp
//	nginx                     sink/http; the command around a service
//	rsyslog                   sink/syslog over TCP, TLS and UDP
//	moto                      sink/cloudwatch; behind a front with the limits of CloudWatch Logs
//
// Loki and the Collector are Go modules, which integration/servers build builds and
// caches; the others come from Debian: integration/servers install gets those that are
// missing. Each test starts its own on a loopback address, with its data in a temporary
// directory, and stops it again. A test whose server is not there is skipped and
// says what to do. Moto is a program in Python, and nothing here installs it.
//
// No Elasticsearch or OpenSearch was tried. The fake in sink/elasticsearch/estest stands in
// for them; here their official clients talk to it as well as the sink.
//
// FAPILOG_INTEGRATION_RECORDS is how many records go through each server, 5,000 if it is not
// set; FAPILOG_LOGHUB the directory of loghub's real log files.
package integration
