namespace MLNet.Gpt.Training;

/// <summary>The learning rate of each step: a linear warm-up, then constant, or decay along half a cosine or a line.</summary>
internal readonly struct LearningRateSchedule(TrainingOptions options, int totalSteps)
{
    private const double FinalFraction = 0.1;
    private const int WarmUpDivisor = 20, LongestWarmUp = 100;

    /// <summary>Returns the rate of a step, which counts from 1.</summary>
    public double At(int step)
    {
        double peak = options.LearningRate, final = options.FinalLearningRate ?? (peak * FinalFraction);
        int warmUp = options.WarmUpSteps ?? Math.Min(totalSteps / WarmUpDivisor, LongestWarmUp);
        if (step <= warmUp) return peak * step / warmUp;
        if (options.Decay == LearningRateDecay.None || totalSteps <= warmUp + 1) return peak;
        double done = Math.Min(1, (double)(step - warmUp - 1) / (totalSteps - warmUp - 1)); // from 0 after warm-up to 1 at the end
        double left = options.Decay == LearningRateDecay.Linear ? 1 - done : (1 + Math.Cos(Math.PI * done)) / 2;
        return final + ((peak - final) * left);
    }
}
