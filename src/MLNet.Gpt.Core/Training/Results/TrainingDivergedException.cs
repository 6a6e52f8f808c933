namespace MLNet.Gpt;

/// <summary>
/// The loss, or the norm of its gradients, became NaN or infinite. The network keeps the weights from before the step.
/// </summary>
public sealed class TrainingDivergedException : Exception
{
    /// <summary>Creates an exception with the step and what was measured in it.</summary>
    public TrainingDivergedException(int step, double loss, double gradientNorm, double learningRate)
        : base(FormattableString.Invariant(
            $"At step {step} the loss is {loss} and the gradient norm {gradientNorm}, at a learning rate of {learningRate}. ")
            + "Training has stopped. Lower the learning rate, warm up for more steps, or clip gradients to a smaller norm.")
    {
        Step = step;
        Loss = loss;
        GradientNorm = gradientNorm;
    }

    /// <summary>The step that was not done, from 1.</summary>
    public int Step { get; }

    /// <summary>The loss of the step's batch, in nats per token.</summary>
    public double Loss { get; }

    /// <summary>The norm of all gradients together, before clipping.</summary>
    public double GradientNorm { get; }

    /// <summary>
    /// The weights from before the step, and the losses that were measured; <see langword="null"/> if a module was
    /// trained in place, which has the weights itself.
    /// </summary>
    public TrainingResult? Result { get; internal set; }
}
