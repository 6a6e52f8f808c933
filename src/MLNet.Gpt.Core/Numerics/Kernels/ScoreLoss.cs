using MLNet.Gpt.Numerics.Memory;
using MLNet.Gpt.Numerics.Products;

namespace MLNet.Gpt.Numerics.Kernels;

/// <summary>
/// The loss of scores: cross-entropy with label smoothing for classes, as in <see cref="HeadLoss"/>, or (z − y)² for a number y.
/// </summary>
internal static unsafe class ScoreLoss
{
    /// <summary>
    /// Computes the loss of each row of scores against its class, and replaces the scores by their gradients on
    /// request.
    /// </summary>
    /// <param name="compute">What to run on.</param>
    /// <param name="scores">z, (S, K), which are overwritten.</param>
    /// <param name="labels">The class of each row, (S).</param>
    /// <param name="smoothing">Label smoothing α.</param>
    /// <param name="losses">Receives the loss of each row.</param>
    /// <param name="factor">
    /// The weight of each row's loss in the loss that is differentiated; <see langword="null"/> for losses only.
    /// </param>
    public static void OfClasses(Compute compute, Matrix scores, int[] labels, double smoothing, double[] losses, float? factor) =>
        compute.ForEach(scores.Rows, row =>
            losses[row] = HeadLoss.LossOf(scores.Row(row), scores.Columns, default, labels[row], smoothing, factor));

    /// <summary>Computes the squared error of each row, and replaces the scores by their gradients on request.</summary>
    /// <param name="scores">z, (S, 1).</param>
    /// <param name="values">y, (S).</param>
    /// <param name="losses">Receives the loss of each row.</param>
    /// <param name="factor">As for <see cref="OfClasses"/>.</param>
    public static void OfNumbers(Matrix scores, float[] values, double[] losses, float? factor)
    {
        for (int row = 0; row < scores.Rows; row++)
        {
            double error = (double)scores.Row(row)[0] - values[row];
            losses[row] = error * error;
            if (factor is { } share) scores.Row(row)[0] = (float)(2 * error * share);
        }
    }

    /// <summary>Counts the rows whose class has the highest score; of equal scores, the first is the highest.</summary>
    public static int CountCorrect(Matrix scores, int[] labels)
    {
        int correct = 0;
        for (int row = 0; row < scores.Rows; row++)
        {
            int best = 0;
            for (int label = 1; label < scores.Columns; label++)
            {
                if (scores.Row(row)[label] > scores.Row(row)[best]) best = label;
            }

            if (best == labels[row]) correct++;
        }

        return correct;
    }
}
