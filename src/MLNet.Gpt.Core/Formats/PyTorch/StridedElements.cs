using MLNet.Gpt.Formats.Tensors;

namespace MLNet.Gpt.Formats.PyTorch;

/// <summary>Elements of a view that do not lie one after the other.</summary>
/// <param name="storage">The elements of the storage.</param>
/// <param name="view">A validated view of it.</param>
internal sealed class StridedElements(PlainElements storage, TensorReference view) : ITensorElements
{
    // Elements of the storage read at a time, of which every so many-th is wanted.
    private const int WindowLength = 1 << 14;

    public void Read(long start, Span<float> destination)
    {
        long[] index = IndexOf(start);
        float[] window = [];
        int inner = view.Shape.Length - 1;
        long step = view.Strides[inner];
        while (!destination.IsEmpty)
        {
            long place = view.Offset;
            for (int i = 0; i < index.Length; i++) place += index[i] * view.Strides[i];
            int run = (int)Math.Min(destination.Length, view.Shape[inner] - index[inner]);
            if (step == 1)
            {
                storage.Read(place, destination[..run]);
            }
            else
            {
                run = (int)Math.Min(run, Math.Max(1, WindowLength / step));
                int span = (int)(((run - 1) * step) + 1);
                if (window.Length < span) window = new float[span];
                storage.Read(place, window.AsSpan(0, span));
                for (int i = 0; i < run; i++) destination[i] = window[(int)(i * step)];
            }

            destination = destination[run..];
            index[inner] += run;
            for (int i = inner; i > 0 && index[i] == view.Shape[i]; i--)
            {
                index[i] = 0;
                index[i - 1]++;
            }
        }
    }

    private long[] IndexOf(long start)
    {
        long[] index = new long[view.Shape.Length];
        for (int i = index.Length - 1; i >= 0; i--) (start, index[i]) = Math.DivRem(start, view.Shape[i]);
        return index;
    }
}
