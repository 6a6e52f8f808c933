using System.Diagnostics;
using System.Numerics;
using System.Numerics.Tensors;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace MLNet.Gpt.Numerics.Softmax;

/// <summary>Finds the greatest of the logits of one position.</summary>
internal static class LogitScan
{
    /// <summary>Returns the greatest logit.</summary>
    /// <exception cref="InvalidOperationException">A logit is NaN, or the greatest is not finite.</exception>
    public static float Max(ReadOnlySpan<float> logits)
    {
        Debug.Assert(!logits.IsEmpty, "There are no logits to choose a token from.");
        float max = TensorPrimitives.Max(logits); // NaN if any logit is
        return float.IsFinite(max) ? max : throw Unusable(logits, max);
    }

    /// <summary>
    /// Returns the id of the greatest logit, and of several equal ones the lowest id, like <c>torch.argmax</c> on a
    /// CPU.
    /// </summary>
    /// <inheritdoc cref="Max" path="/exception"/>
    public static int ArgMax(ReadOnlySpan<float> logits) => IndexOf(logits, Max(logits));

    /// <summary>Returns the lowest id with a given logit, which must occur.</summary>
    public static int IndexOf(ReadOnlySpan<float> logits, float value)
    {
        // Not TensorPrimitives.IndexOfMax, which considers 0 greater than −0.
        var values = Vector512.Create(value);
        ref float first = ref MemoryMarshal.GetReference(logits);
        int i = 0;
        for (; i <= logits.Length - Vector512<float>.Count; i += Vector512<float>.Count)
        {
            ulong equal = Vector512.Equals(values, Vector512.LoadUnsafe(ref first, (nuint)i)).ExtractMostSignificantBits();
            if (equal != 0) return i + BitOperations.TrailingZeroCount(equal);
        }

        while (logits[i] != value) i++;
        return i;
    }

    private static InvalidOperationException Unusable(ReadOnlySpan<float> logits, float max)
    {
        int id = 0;
        while (id < logits.Length && !float.IsNaN(logits[id])) id++;
        const string Cause = "The model's weights or its activations overflow.";
        return id < logits.Length
            ? new($"The logit of token {id} is NaN; no token can be chosen. The model's weights contain NaN or its activations overflow.")
            : max > 0
                ? new($"The logit of token {logits.IndexOf(max)} is infinite; no token can be chosen. {Cause}")
                : new("Every logit is −∞; no token can be chosen.");
    }
}
