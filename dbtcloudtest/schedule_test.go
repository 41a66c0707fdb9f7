package dbtcloudtest_test

import (
	"testing"

	"github.com/slimci/dbtcloud"
	"github.com/slimci/dbtcloud/dbtcloudtest"
)

func TestScheduleInWords(t *testing.T) {
	t.Parallel()
	s := dbtcloudtest.New()
	client, err := s.Client()
	if err != nil {
		t.Fatal(err)
	}
	for want, schedule := range map[string]*dbtcloud.JobSchedule{
		"Every hour": dbtcloud.EveryHours(1), "Every 6 hours": dbtcloud.EveryHours(6), "At 04:00, 18:00": dbtcloud.DailyAt(4, 18), "5 4 * * 1": dbtcloud.CronSchedule("5 4 * * 1"),
	} {
		job, err := client.Jobs.Create(t.Context(), dbtcloud.JobRequest{
			ProjectID: dbtcloudtest.DefaultProjectID, EnvironmentID: dbtcloudtest.DefaultEnvironmentID, Name: want, ExecuteSteps: []string{"dbt build"}, Schedule: schedule,
		})
		if err != nil || job.CronHumanized != want {
			t.Errorf("%+v, %v, want %q", job, err, want)
		}
	}
}
