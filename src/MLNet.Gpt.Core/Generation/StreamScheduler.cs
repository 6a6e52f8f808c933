using System.Runtime.CompilerServices;

namespace MLNet.Gpt.Generation;

/// <summary>
/// Generates the streams of one model together: each pass over the model's weights computes the next token of every
/// stream. Streams join and leave between passes, and none of them depends on its company, to the last bit.
/// </summary>
/// <remarks>
/// A background thread works as long as a stream has something to do. New prompts are read in slices, one slice after
/// each step of the other streams; several new prompts take turns.
/// </remarks>
internal sealed class StreamScheduler(ISequenceModel model)
{
    // Takes about as long as a step of eight streams.
    private const int SliceInCompany = 64;

    // As many rows as a pass of the model has.
    private const int SliceAlone = 256;

    private static readonly ConditionalWeakTable<GptModel, StreamScheduler> Schedulers = [];

    private readonly Lock _lock = new(); // guards what follows
    private readonly List<TextStream> _active = [];
    private bool _isRunning;

    private int _turn; // of the prompts; used by the background thread only

    public ISequenceModel Model => model;

    /// <summary>Returns the scheduler of a model, which all its generators share.</summary>
    public static StreamScheduler Of(GptModel model) => Schedulers.GetValue(model, static model => new(new GptSequenceModel(model)));

    /// <summary>Works on a stream until it has ended or is far ahead of its reader.</summary>
    public void Join(TextStream stream)
    {
        lock (_lock)
        {
            if (stream.HasEnded || _active.Contains(stream)) return;
            _active.Add(stream);
            if (_isRunning) return;
            try
            {
                new Thread(Run) { IsBackground = true, Name = "MLNet.Gpt streams" }.UnsafeStart();
            }
            catch
            {
                _active.Remove(stream);
                throw;
            }

            _isRunning = true;
        }
    }

    /// <summary>Ends a stream that was canceled: at once if nothing works on it, otherwise after the current pass.</summary>
    public void Leave(TextStream stream)
    {
        lock (_lock)
        {
            if (_active.Contains(stream)) return;
        }

        stream.End(null);
    }

    private void Run()
    {
        for (var streams = TakeActive(); streams.Length > 0; streams = TakeActive())
        {
            try
            {
                Advance(streams);
            }
            catch (Exception e)
            {
                foreach (var stream in streams) stream.End(e);
            }
        }
    }

    private TextStream[] TakeActive()
    {
        lock (_lock)
        {
            _active.RemoveAll(stream => stream.HasEnded || stream.IsFarAhead);
            _isRunning = _active.Count > 0;
            return [.. _active];
        }
    }

    private void Advance(TextStream[] streams)
    {
        foreach (var stream in streams) stream.Try(static stream => stream.Start());
        if (streams is [var single])
        {
            single.Try(static stream => stream.Read(SliceAlone));
            return;
        }

        Step(Array.FindAll(streams, stream => stream is { HasEnded: false, UnreadCount: 1 }));
        var reading = Array.FindAll(streams, stream => stream is { HasEnded: false, UnreadCount: > 1 });
        if (reading.Length > 0) reading[_turn++ % reading.Length].Try(static stream => stream.Read(SliceInCompany));
    }

    private void Step(TextStream[] due)
    {
        var stepping = Array.FindAll(due, stream => !stream.WasGuessed());
        try
        {
            if (stepping.Length > 0)
            {
                model.Step(
                    Array.ConvertAll(stepping, stream => stream.Sequence), Array.ConvertAll(stepping, stream => stream.NextId),
                    CancellationToken.None);
            }
        }
        catch (Exception)
        {
            // No sequence has changed. Each takes the step alone, so that only those that cannot take it fail.
            foreach (var stream in stepping) stream.Try(static stream => stream.StepAlone());
        }

        foreach (var stream in due) stream.Try(static stream => stream.Write(readCount: 1));
    }
}
