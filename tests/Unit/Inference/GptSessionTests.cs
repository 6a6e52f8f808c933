
namespace MLNet.Gpt.Tests.Inference;

public class GptSessionTests
{
    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public void Truncating_and_appending_again_gives_the_same_bits()
    {
        using var model = NewModel();
        int[] ids = RandomWeights.Ids(model.Config, 260);
        using var straight = model.CreateSession();
        float[] expected = straight.Append(ids, Cancellation).ToArray();

        using var session = model.CreateSession();
        session.Append(ids.AsSpan(0, 255), Cancellation);
        session.Append(RandomWeights.Ids(model.Config, 20, seed: 9), Cancellation);
        session.Truncate(250);
        Assert.Equal(250, session.Position);
        Assert.True(session.Logits.IsEmpty);
        Assert.Equal(expected, session.Append(ids.AsSpan(250), Cancellation));
    }

    [Fact]
    public void Appending_with_all_logits_gives_those_of_each_token()
    {
        using var model = NewModel();
        int v = model.Config.VocabularySize;
        int[] ids = RandomWeights.Ids(model.Config, 290);
        float[] expected = model.ComputeLogits(ids);
        using var session = model.CreateSession();
        session.Append(ids.AsSpan(0, 3), Cancellation);
        float[] logits = new float[287 * v];
        session.Append(ids.AsSpan(3), logits, Cancellation);
        Assert.Equal(expected[(3 * v)..], logits);
        Assert.Equal(expected.AsSpan(289 * v), session.Logits);
        Assert.Equal(290, session.Position);
        Assert.Throws<ArgumentException>(() => session.Append([1], new float[v - 1], Cancellation));
    }

    [Fact]
    public void A_fork_continues_independently()
    {
        using var model = NewModel();
        int[] ids = RandomWeights.Ids(model.Config, 290);
        using var session = model.CreateSession();
        session.Append(ids.AsSpan(0, 245), Cancellation);
        using var fork = session.Fork();
        Assert.Equal(245, fork.Position);
        Assert.Equal(session.Logits, fork.Logits);

        session.Append([1, 2, 3], Cancellation);
        float[] expected = model.ComputeLogits(ids)[(289 * model.Config.VocabularySize)..];
        Assert.Equal(expected, fork.Append(ids.AsSpan(245), Cancellation));
        Assert.Equal(248, session.Position);
    }

    [Fact]
    public void A_step_of_many_sessions_gives_each_the_same_logits_as_alone()
    {
        using var model = NewModel();
        GptSession[] sessions = [.. Enumerable.Range(0, 19).Select(i =>
        {
            var session = model.CreateSession();
            session.Append(RandomWeights.Ids(model.Config, 1 + (13 * i), seed: i), Cancellation);
            return session;
        })];
        GptSession[] forks = [.. sessions.Select(session => session.Fork())];
        for (int step = 0; step < 3; step++)
        {
            int[] ids = RandomWeights.Ids(model.Config, sessions.Length, seed: 100 + step);
            model.Step(sessions, ids, Cancellation);
            for (int i = 0; i < ids.Length; i++) Assert.Equal(forks[i].Append([ids[i]], Cancellation), sessions[i].Logits);
        }

        foreach (var session in sessions.Concat(forks)) session.Dispose();
    }

    [Fact]
    public void Appending_past_the_context_names_position_count_and_limit()
    {
        using var model = NewModel();
        using var session = model.CreateSession();
        session.Append(RandomWeights.Ids(model.Config, 299), Cancellation);
        float[] logits = session.Logits.ToArray();
        var error = Assert.Throws<ArgumentException>(() => session.Append([1, 2], Cancellation));
        Assert.Contains("There is no room for 2 more tokens: the session has 299 of at most 300", error.Message, StringComparison.Ordinal);
        Assert.Equal(299, session.Position);
        Assert.Equal(logits, session.Logits);
        session.Append([1], Cancellation);
        Assert.Equal(300, session.Position);
    }

    [Fact]
    public void A_token_outside_the_vocabulary_is_refused_and_leaves_the_session_usable()
    {
        using var model = NewModel();
        using var session = model.CreateSession();
        var error = Assert.Throws<ArgumentOutOfRangeException>(() => session.Append([5, 131], Cancellation));
        Assert.Contains("Token id 131 at position 1", error.Message, StringComparison.Ordinal);
        Assert.Throws<ArgumentOutOfRangeException>(() => session.Append([-1], Cancellation));
        Assert.Equal(0, session.Position);
        Assert.Equal(131, session.Append([5], Cancellation).Length);
    }

    [Fact]
    public void Truncating_beyond_the_end_is_refused()
    {
        using var model = NewModel();
        using var session = model.CreateSession();
        session.Append([1, 2, 3], Cancellation);
        Assert.Throws<ArgumentOutOfRangeException>(() => session.Truncate(4));
        Assert.Throws<ArgumentOutOfRangeException>(() => session.Truncate(-1));
        session.Truncate(3);
        Assert.False(session.Logits.IsEmpty);
    }

    [Fact]
    public void A_session_throws_after_it_or_its_model_was_disposed()
    {
        var model = NewModel();
        var session = model.CreateSession();
        session.Dispose();
        session.Dispose();
        Assert.Throws<ObjectDisposedException>(() => session.Append([1], Cancellation));
        Assert.Throws<ObjectDisposedException>(() => session.Truncate(0));
        Assert.Throws<ObjectDisposedException>(session.Fork);

        using var orphan = model.CreateSession();
        model.Dispose();
        model.Dispose();
        Assert.Throws<ObjectDisposedException>(() => orphan.Append([1], Cancellation));
        Assert.Throws<ObjectDisposedException>(orphan.Fork);
        Assert.Throws<ObjectDisposedException>(model.CreateSession);
        Assert.Throws<ObjectDisposedException>(() => model.ComputeLogits([1]));
        Assert.Throws<ObjectDisposedException>(() => model.Quantize(WeightPrecision.Int8));
    }

    [Fact]
    public void A_step_refuses_a_repeated_session_or_one_of_another_model_and_changes_nothing()
    {
        using var model = NewModel();
        using var other = NewModel();
        using var session = model.CreateSession();
        using var stranger = other.CreateSession();
        Assert.Throws<InvalidOperationException>(() => model.Step([session, session], [1, 2], Cancellation));
        Assert.Throws<ArgumentException>(() => model.Step([session, stranger], [1, 2], Cancellation));
        Assert.Throws<ArgumentException>(() => model.Step([session], [1, 2], Cancellation));
        Assert.Throws<ArgumentOutOfRangeException>(() => model.Step([session], [131], Cancellation));
        Assert.Equal(0, session.Position);
        model.Step([session], [1], Cancellation);
        Assert.Equal(1, session.Position);
    }

    [Fact]
    public void Canceling_leaves_a_session_unchanged()
    {
        using var model = NewModel();
        using var session = model.CreateSession();
        float[] logits = session.Append([1, 2, 3], Cancellation).ToArray();
        Assert.Throws<OperationCanceledException>(() => session.Append([4, 5], new CancellationToken(canceled: true)));
        Assert.Equal(3, session.Position);
        Assert.Equal(logits, session.Logits);
        session.Append([4], Cancellation);
        Assert.Equal(model.ComputeLogits([1, 2, 3, 4])[(3 * model.Config.VocabularySize)..], session.Logits);
    }

    private static GptModel NewModel() =>
        GptModel.FromWeights(RandomWeights.Of(GptModelTests.Odd), new CountingTokenizer(GptModelTests.Odd.VocabularySize));
}
