package dbtcloud_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/slimci/dbtcloud"
)

func TestSchedules(t *testing.T) {
	t.Parallel()
	tests := map[string]*dbtcloud.JobSchedule{
		`{"date":{"type":"every_day"},"time":{"type":"at_exact_hours","hours":[0,23]}}`:                     dbtcloud.DailyAt(0, 23),
		`{"date":{"type":"every_day"},"time":{"type":"every_hour","interval":6}}`:                           dbtcloud.EveryHours(6),
		`{"date":{"type":"custom_cron","cron":"15 6 * * 1-5"},"time":{"type":"every_hour","interval":1}}`:   dbtcloud.CronSchedule("15 6 * * 1-5"),
		`{"date":{"type":"days_of_week","days":[0,6]},"time":{"type":"at_exact_hours","hours":[9]}}`:        dbtcloud.DailyAt(9).On(time.Sunday, time.Saturday),
		`{"date":{"type":"days_of_week","days":[1]},"time":{"type":"every_hour","interval":2}}`:             dbtcloud.EveryHours(2).On(time.Monday),
		`{"date":{"type":"every_tide","days":[1]},"time":{"type":"at_high_water","interval":99}}`:           {Date: dbtcloud.JobScheduleDate{Type: "every_tide", Days: []int{1}}, Time: dbtcloud.JobScheduleTime{Type: "at_high_water", Interval: 99}},
		`{"date":{"type":"interval_cron","cron":"5 */2 * * 1"},"time":{"type":"every_hour","interval":23}}`: {Date: dbtcloud.JobScheduleDate{Type: "interval_cron", Cron: "5 */2 * * 1"}, Time: dbtcloud.JobScheduleTime{Type: "every_hour", Interval: 23}},
	}
	for want, schedule := range tests {
		c, s := scripted(t, always(200, "application/json", envelope(`{"id":9}`)))
		if _, err := c.Jobs.Update(t.Context(), 9, dbtcloud.JobRequest{Schedule: schedule}); err != nil {
			t.Errorf("%s: %v", want, err)
			continue
		}
		var body struct{ Schedule any }
		if err := json.Unmarshal([]byte(s.requests()[1].Body), &body); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(parsed(t, want), body.Schedule); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	}
}

// TestSchedulesRefuse: a schedule that never is, or that is two at once, is refused.
func TestSchedulesRefuse(t *testing.T) {
	t.Parallel()
	daily := dbtcloud.JobScheduleDate{Type: "every_day"}
	tests := []struct {
		schedule *dbtcloud.JobSchedule
		want     string
	}{
		{new(dbtcloud.JobSchedule), "schedule.date.type: is required"},
		{new(dbtcloud.JobSchedule), "schedule.time.type: is required"},
		{dbtcloud.DailyAt(), "schedule.time.hours: is required"},
		{dbtcloud.DailyAt(-1), "schedule.time.hours: must be between 0 and 23"},
		{dbtcloud.DailyAt(5, 24), "schedule.time.hours: must be between 0 and 23"},
		{dbtcloud.EveryHours(0), "schedule.time.interval: must be between 1 and 23"},
		{dbtcloud.EveryHours(24), "schedule.time.interval: must be between 1 and 23"},
		{dbtcloud.DailyAt(5).On(), "schedule.date.days: is required"},
		{dbtcloud.DailyAt(5).On(7), "schedule.date.days: must be between 0 (Sunday) and 6"},
		{dbtcloud.CronSchedule(""), "schedule.date.cron: must have five fields"},
		{dbtcloud.CronSchedule("@daily"), "schedule.date.cron: must have five fields"},
		{&dbtcloud.JobSchedule{Date: daily, Time: dbtcloud.JobScheduleTime{Type: "every_hour", Interval: 1, Hours: []int{5}}}, "schedule.time.hours: must not be there"},
		{&dbtcloud.JobSchedule{Date: daily, Time: dbtcloud.JobScheduleTime{Type: "at_exact_hours", Interval: 1, Hours: []int{5}}}, "schedule.time.interval: must not be there"},
	}
	for _, test := range tests {
		c, s := scripted(t, always(200, "application/json", envelope(`{"id":9}`)))
		_, created := c.Jobs.Create(t.Context(), dbtcloud.JobRequest{ProjectID: 3, EnvironmentID: 4, Name: "n", ExecuteSteps: []string{"dbt build"}, Schedule: test.schedule})
		_, updated := c.Jobs.Update(t.Context(), 9, dbtcloud.JobRequest{Schedule: test.schedule})
		for _, err := range []error{created, updated} {
			if !errors.Is(err, dbtcloud.ErrInvalid) || !strings.Contains(err.Error(), test.want) || len(s.lines()) != 0 {
				t.Errorf("error %v after %v, want ErrInvalid that says %q", err, s.lines(), test.want)
			}
		}
	}
}
