using System.Diagnostics;
using System.Net;
using System.Net.Http.Json;
using System.Net.Sockets;
using System.Text;
using System.Text.RegularExpressions;
using Microsoft.ML;
using MLNet.Gpt.Extensions;

namespace MLNet.Gpt.Tests.Samples;

/// <summary>Runs the minimal API like a user and sends it many concurrent HTTP requests.</summary>
public sealed partial class PredictionServiceTests : IAsyncLifetime
{
    private readonly string _folder = Directory.CreateTempSubdirectory("mlnet-gpt-service").FullName;
    private readonly GptModel _model = TinyModels.Create();
    private PredictionPool<Document, Prediction> _pool = null!;
    private Process _service = null!;
    private HttpClient _client = null!;
    private int _sentSlowly;

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync()
    {
        var ml = new MLContext();
        var empty = ml.Data.LoadFromEnumerable(Array.Empty<Document>());
        var pipeline = ml.LanguageModeling.FromModel(_model, "Text").Fit(empty);
        _pool = new(pipeline, ml);
        string saved = Path.Combine(_folder, "pipeline.zip");
        ml.Model.Save(pipeline, empty.Schema, saved);

        await Serve(saved);
    }

    public async ValueTask DisposeAsync()
    {
        await StopServing();
        _pool.Dispose();
        _model.Dispose();
        Directory.Delete(_folder, recursive: true);
    }

    [Fact]
    public async Task Two_hundred_concurrent_requests_get_the_same_answers_as_separate_ones()
    {
        string[] texts = [.. Enumerable.Range(0, 200).Select(i => TinyModels.Text(1 + (i % 20), i))];

        var answers = await Task.WhenAll(texts.Select(Ask));

        Assert.All(answers, answer => Assert.Equal(HttpStatusCode.OK, answer.StatusCode));
        for (int i = 0; i < texts.Length; i++)
        {
            Assert.Equal(_pool.Predict(new() { Text = texts[i] }), await answers[i].Content.ReadFromJsonAsync<Prediction>(Cancellation));
        }
    }

    [Fact]
    public async Task Far_too_many_requests_are_rejected_with_503_and_the_service_survives()
    {
        string text = TinyModels.Text(1000, 1);
        var answers = await Task.WhenAll(Enumerable.Range(0, 700).Select(_ => Ask(text)));

        var byStatus = answers.CountBy(answer => answer.StatusCode).ToDictionary();
        Assert.True(byStatus.GetValueOrDefault(HttpStatusCode.OK) >= 256, string.Join(", ", byStatus));
        Assert.Equal(700, byStatus.GetValueOrDefault(HttpStatusCode.OK) + byStatus.GetValueOrDefault(HttpStatusCode.ServiceUnavailable));
        Assert.Equal(HttpStatusCode.OK, (await Ask("w1 w2")).StatusCode);
    }

    [Fact]
    public async Task Bad_requests_are_answered_with_what_is_wrong()
    {
        var empty = await Ask(" ");
        Assert.Equal(HttpStatusCode.BadRequest, empty.StatusCode);
        Assert.Contains("'text' is empty", await empty.Content.ReadAsStringAsync(Cancellation), StringComparison.Ordinal);
        Assert.Equal(HttpStatusCode.RequestEntityTooLarge, (await Ask(new string('x', 70_000))).StatusCode);
        using var garbage = new StringContent("{", null, "application/json");
        Assert.Equal(
            HttpStatusCode.BadRequest, (await _client.PostAsync(new Uri("predict", UriKind.Relative), garbage, Cancellation)).StatusCode);
    }

    [Fact]
    public async Task Slow_clients_do_not_delay_others()
    {
        await StopServing();
        await Serve(Path.Combine(_folder, "pipeline.zip"), "--BodySeconds", "5");
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(Cancellation);
        Task<string>[] slow = [.. Enumerable.Range(0, 4 * Environment.ProcessorCount).Select(_ => Task.Run(() => SendSlowly(stop.Token)))];
        while (_sentSlowly < slow.Length) await Task.Delay(10, Cancellation);

        var answer = await Ask("w1 w2");

        Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
        Assert.All(await Task.WhenAll(slow), text =>
        {
            Assert.StartsWith("HTTP/1.1 408", text, StringComparison.Ordinal);
            Assert.Contains("5 seconds", text, StringComparison.Ordinal);
        });
        await stop.CancelAsync();
    }

    [Fact]
    public async Task Requests_whose_clients_have_disconnected_are_not_served()
    {
        await ServeHeavyModel("--MaxTokens", "100000");
        string text = TinyModels.Text(16_000, 1); // seconds of work each, and minutes in total
        using (var leaving = new HttpClient { BaseAddress = _client.BaseAddress })
        {
            using var left = new CancellationTokenSource();
            Task[] requests = [
                .. Enumerable.Range(0, 64).Select(_ => leaving.PostAsJsonAsync("predict", new Document { Text = text }, left.Token))
            ];
            await Task.Delay(1000, Cancellation); // some are being computed, others wait
            await left.CancelAsync();
            await Assert.ThrowsAnyAsync<OperationCanceledException>(() => Task.WhenAll(requests));
        }

        Assert.Equal(HttpStatusCode.OK, (await Ask("w1 w2")).StatusCode);
    }

    [Fact]
    public async Task A_request_that_takes_or_waits_too_long_is_abandoned()
    {
        await ServeHeavyModel("--MaxTokens", "100000", "--PredictSeconds", "1", "--QueueSeconds", "1");
        string text = TinyModels.Text(16_000, 1);

        var answers = await Task.WhenAll(Enumerable.Range(0, 8 * Environment.ProcessorCount).Select(_ => Ask(text)));

        Assert.All(answers, answer => Assert.Equal(HttpStatusCode.ServiceUnavailable, answer.StatusCode));
        string[] texts = await Task.WhenAll(answers.Select(answer => answer.Content.ReadAsStringAsync(Cancellation)));
        Assert.Contains(texts, body => body.Contains("took longer than 1 seconds", StringComparison.Ordinal));
        Assert.Contains(texts, body => body.Contains("waited longer than 1 seconds", StringComparison.Ordinal));
        Assert.Equal(HttpStatusCode.OK, (await Ask("w1 w2")).StatusCode);
    }

    [Fact]
    public async Task A_text_with_too_many_tokens_is_refused_before_anything_is_computed()
    {
        await StopServing();
        await Serve(Path.Combine(_folder, "pipeline.zip"), "--MaxTokens", "10");

        Assert.Equal(HttpStatusCode.OK, (await Ask(TinyModels.Text(10, 1))).StatusCode);
        var refused = await Ask(TinyModels.Text(11, 1));
        Assert.Equal(HttpStatusCode.RequestEntityTooLarge, refused.StatusCode);
        string body = await refused.Content.ReadAsStringAsync(Cancellation);
        Assert.Contains("11 tokens", body, StringComparison.Ordinal);
        Assert.Contains("10", body, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_missing_pipeline_is_named_before_anything_is_served()
    {
        using var process = Start("--Pipeline", Path.Combine(_folder, "none.zip"));
        string error = await process.StandardError.ReadToEndAsync(Cancellation);
        await process.WaitForExitAsync(Cancellation);

        Assert.Equal(2, process.ExitCode);
        Assert.Contains("none.zip", error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_documented_command_finds_files_in_the_callers_folder()
    {
        string project = Path.Combine(Repository.Root, "samples", "PredictionService");
        using var process = Process.Start(new ProcessStartInfo(
            "dotnet", ["msbuild", project, "-getProperty:RunWorkingDirectory", "-nologo"])
        {
            RedirectStandardOutput = true, WorkingDirectory = Repository.Root,
        })!;
        // the working directory of dotnet run; the caller's if empty
        string folder = await process.StandardOutput.ReadToEndAsync(Cancellation);
        await process.WaitForExitAsync(Cancellation);

        Assert.Equal(0, process.ExitCode);
        Assert.Equal("", folder.Trim());
    }

    private Task<HttpResponseMessage> Ask(string text) => _client.PostAsJsonAsync("predict", new Document { Text = text }, Cancellation);

    private async Task Serve(string pipeline, params string[] arguments)
    {
        _service = Start(["--Pipeline", pipeline, "--urls", "http://127.0.0.1:0", .. arguments]);
        string? address = null;
        while (address is null)
        {
            string line = await _service.StandardOutput.ReadLineAsync(Cancellation)
                ?? throw new InvalidOperationException(await _service.StandardError.ReadToEndAsync(Cancellation));
            if (Listening().Match(line) is { Success: true } match) address = match.Value;
        }

        _ = _service.StandardOutput.ReadToEndAsync(Cancellation);
        _client = new() { BaseAddress = new(address), Timeout = TimeSpan.FromMinutes(1) };
    }

    private async Task ServeHeavyModel(params string[] arguments)
    {
        var config = new GptConfig { VocabularySize = 61, LayerCount = 16, EmbeddingWidth = 256, HeadCount = 4, ContextLength = 64 };
        using var model = GptModel.FromWeights(TinyModels.Weights(config, seed: 1), TinyModels.Words);
        var ml = new MLContext();
        var empty = ml.Data.LoadFromEnumerable(Array.Empty<Document>());
        string saved = Path.Combine(_folder, "heavy.zip");
        ml.Model.Save(ml.LanguageModeling.FromModel(model, "Text").Fit(empty), empty.Schema, saved);
        await StopServing();
        await Serve(saved, arguments);
    }

    private async Task StopServing()
    {
        _service.Kill(entireProcessTree: true);
        await _service.WaitForExitAsync(CancellationToken.None);
        _service.Dispose();
        _client.Dispose();
    }

    // A body of 60,000 bytes at 400 bytes a second, which is above the server's own minimum rate; returns the answer.
    private async Task<string> SendSlowly(CancellationToken cancellationToken)
    {
        using var client = new TcpClient();
        await client.ConnectAsync(_client.BaseAddress!.Host, _client.BaseAddress.Port, cancellationToken);
        await using var stream = client.GetStream();
        await stream.WriteAsync(
            "POST /predict HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 60000\r\n\r\n{\"text\":\""u8.ToArray(),
            cancellationToken);
        Interlocked.Increment(ref _sentSlowly);
        byte[] answer = new byte[4096];
        var reading = stream.ReadAsync(answer, cancellationToken).AsTask();
        for (int sent = 0; sent < 59_000 && !reading.IsCompleted; sent += 200)
        {
            await stream.WriteAsync(Enumerable.Repeat((byte)'w', 200).ToArray(), cancellationToken);
            await Task.WhenAny(reading, Task.Delay(500, cancellationToken));
        }

        return Encoding.UTF8.GetString(answer, 0, await reading);
    }

    private static Process Start(params string[] arguments) =>
        Process.Start(new ProcessStartInfo(SamplePrograms.Find("PredictionService"), arguments)
    {
        RedirectStandardOutput = true, RedirectStandardError = true,
    })!;

    [GeneratedRegex(@"(?<=Now listening on: )http://\S+")]
    private static partial Regex Listening();

    private sealed class Document
    {
        public string Text { get; set; } = string.Empty;
    }

    private sealed record Prediction
    {
        public string PredictedToken { get; set; } = string.Empty;

        public float Probability { get; set; }

        public long TokenCount { get; set; }

        public double NegativeLogLikelihood { get; set; }
    }
}
