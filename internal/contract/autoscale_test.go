package contract

func autoscaleScenarios() []scenario { return nil }
