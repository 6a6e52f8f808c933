namespace MLNet.Gpt.Training;

/// <summary>The learning rate of each step: a linear rise, then level or down along half a cosine.</summary>
internal readonly struct LearningRateSchedule(TrainingOptions options, int totalSteps)
{
    /// <summary>The rate of a step, which counts from 1.</summary>
    public double At(int step)
    {
        double peak = options.LearningRate;
        int warmUp = options.WarmUpSteps;
        if (step <= warmUp) return peak * step / warmUp;
        if (options.FinalLearningRate is not { } final || totalSteps <= warmUp + 1) return peak;
        double done = (double)(step - warmUp - 1) / (totalSteps - warmUp - 1); // 0 at the first step after warm-up, 1 at the last of all
        return final + ((peak - final) * (1 + Math.Cos(Math.PI * done)) / 2);
    }
}
