package spark_test

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/dagscope/dagscope/internal/testkit/droptest"
	"github.com/dagscope/dagscope/metricsstore/records"
	"github.com/dagscope/dagscope/metricsstore/records/spark"
)

func TestSniffClaimsLogsOnly(t *testing.T) {
	for _, name := range samples {
		content := sample(t, name)
		assert.Equal(t, records.Main, spark.New().Sniff(name, content[:min(len(content), 64<<10)]), name)
	}
	droptest.Foreign(t, spark.New(), "spark")
}

func TestSniff(t *testing.T) {
	for _, c := range []struct {
		name, head string
		want       records.Part
	}{
		{"events_2_app", `{"Event":"SparkListenerTaskEnd","Stage ID":1`, records.Main},
		{"eventlog", `{"Event":"DBCEventLoggingListenerMetadata","Rollover Number":0}`, records.Main},
		{"spaces", "\n" + `{ "Event" : "SparkListenerLogStart", "Spark Version": "3.5.0" }`, records.Main},
		{"later key", `{"Timestamp":1,"Event":"SparkListenerApplicationEnd"}`, records.Main},
		{"SparkListenerLogStart", `{"event":"start"}`, records.Foreign},
		{"events_1_app", "", records.Foreign},
		{"appstatus_app.inprogress", "", records.Companion},
		{"escaped", `{"Event":"Spark\u004cistenerLogStart"}`, records.Main},
		{"text", `SparkListenerLogStart`, records.Foreign},
		{"list", `[{"Event":"SparkListenerLogStart"}]`, records.Foreign},
	} {
		assert.Equal(t, c.want, spark.New().Sniff(c.name, []byte(c.head)), c.name)
	}
}
