using System.Diagnostics;
using System.Reflection;
using MLNet.Gpt.Numerics.Products;
using MLNet.Gpt.Numerics.Threading;

namespace MLNet.Gpt.Benchmarks.Measurement;

/// <summary>
/// Where the time of a pass goes: the engine does all its work in parallel regions, and the worker team reports how long
/// its caller spent in each. The first passes name the regions, which takes long; the later ones, which run the same
/// regions in the same order, only time them.
/// </summary>
internal sealed class RegionProfile
{
    private readonly Action _pass;
    private readonly List<string> _parts = [];
    private readonly long[] _ticks;

    /// <param name="pass">The pass.</param>
    /// <param name="partOf">
    /// Names the part that a region belongs to, from where its body is written (<c>Type.Method</c>) and a question about
    /// the callers: whether a type is among them.
    /// </param>
    public RegionProfile(Action pass, Func<string, Func<string, bool>, string> partOf)
    {
        _pass = pass;
        pass(); // compiles
        Observe(
            (body, _) =>
            {
                var callers = new StackTrace().GetFrames().Select(frame => OutermostType(frame.GetMethod()!)).ToHashSet();
                _parts.Add(partOf(PlaceOf(body), callers.Contains));
            },
            pass);
        _ticks = new long[_parts.Count];
    }

    /// <summary>Runs the pass once; returns the seconds of each part, and of the whole.</summary>
    public (Dictionary<string, double> Parts, double Whole) Run()
    {
        int next = 0;
        long start = 0, end = 0;
        Observe(
            (_, ticks) => _ticks[next++] = ticks,
            () =>
            {
                start = Stopwatch.GetTimestamp();
                _pass();
                end = Stopwatch.GetTimestamp();
            });
        if (next != _parts.Count) throw new InvalidOperationException("The pass has other regions than before.");
        var parts = _parts.Zip(_ticks).GroupBy(region => region.First).ToDictionary(
            part => part.Key, part => part.Sum(region => region.Second) / (double)Stopwatch.Frequency);
        return (parts, (end - start) / (double)Stopwatch.Frequency);
    }

    private static void Observe(Action<Delegate, long> observer, Action pass)
    {
        WorkerTeam.Observer = observer;
        try
        {
            pass();
        }
        finally
        {
            WorkerTeam.Observer = null;
        }
    }

    // Type and method that contain the lambda, beneath those that share out its items.
    private static string PlaceOf(Delegate body)
    {
        while (OutermostType(body.Method) is nameof(WorkerTeam) or nameof(Compute) && InnerBody(body) is { } inner) body = inner;
        string name = body.Method.Name; // <Method>b__0
        return OutermostType(body.Method) + "." + name[(name.IndexOf('<', StringComparison.Ordinal) + 1)..].Split('>')[0];
    }

    private static Delegate? InnerBody(Delegate body) =>
        body.Target?.GetType().GetFields().Select(field => field.GetValue(body.Target)).OfType<Delegate>().FirstOrDefault();

    private static string OutermostType(MethodBase method)
    {
        var type = method.DeclaringType;
        while (type?.DeclaringType is { } outer) type = outer;
        return type?.Name.Split('`')[0] ?? "";
    }
}
