using System.Globalization;
using MLNet.Gpt.Data;
using MLNet.Gpt.Training.Checkpoints;
using MLNet.Gpt.Training.Engines;

namespace MLNet.Gpt.Training;

/// <summary>
/// A training run, from its beginning or a checkpoint to its end. It uses the network and its optimizer only as an
/// <see cref="ITrainableNetwork"/>, which the caller owns.
/// </summary>
internal sealed class TrainingLoop : IDisposable
{
    /// <summary>
    /// The key in <see cref="Exception.Data"/> of the exception that prevented writing the last checkpoint of a failed
    /// training run.
    /// </summary>
    public const string CheckpointFailure = "MLNet.Gpt.CheckpointFailure";

    private const int EvaluationsByDefault = 20;

    private readonly ITrainableNetwork _engine;
    private readonly IBatchOrder _order;
    private readonly TrainingOptions _options;
    private readonly CancellationToken _cancellationToken;
    private readonly LearningRateSchedule _schedule;
    private readonly TrainingState _state;
    private readonly BestWeights _best;
    private readonly TrainingReports _reports;
    private readonly CheckpointFolder? _checkpoints;
    private readonly int _stepsPerEpoch, _totalSteps, _evaluationInterval;

    private TrainingEnding? _ending;
    private bool _isWhole = true; // whether weights and state belong to the same step
    private (byte[] Random, long Order)? _beforeStep; // what the current step has changed besides gradients
    private int _savedStep;
    private CheckpointException? _unsaved;

    public TrainingLoop(
        ITrainableNetwork engine,
        TrainingData data,
        TrainingOptions options,
        IProgress<TrainingProgress>? progress,
        CancellationToken cancellationToken)
    {
        CheckValidation(data, options);
        TrainingTask.Check(data, engine.Weights.Config, options);
        (_engine, _options, _cancellationToken) = (engine, options, cancellationToken);
        _order = options.Engine.CreateOrder(data, options);
        _stepsPerEpoch = (_order.BatchesPerEpoch + options.BatchesPerStep - 1) / options.BatchesPerStep;
        _totalSteps = (int)Math.Min((long)options.Epochs * _stepsPerEpoch, options.MaxSteps ?? int.MaxValue);
        _evaluationInterval = options.EvaluationInterval ?? Math.Max(1, _totalSteps / EvaluationsByDefault);
        _schedule = new LearningRateSchedule(options, _totalSteps);
        _checkpoints = options.Checkpoints is { } folder ? new(folder, options.Fingerprint(data, cancellationToken)) : null;
        try
        {
            var (state, best) = _checkpoints?.Restore(engine, options.KeepsBestWeights) ?? (new TrainingState(), null);
            (_state, _savedStep, _order.State) = (state, state.Step, state.OrderState);
            _best = new BestWeights(options, state) { Copy = best };
            _reports = new TrainingReports(_state, _totalSteps, _stepsPerEpoch, progress);
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    /// <summary>
    /// The weights with the lowest validation loss, if the options request them; <see langword="null"/> if they are the
    /// last ones.
    /// </summary>
    public GptWeights? BestWeights => Best?.Weights;

    /// <summary>The same weights, or the adapter if one is trained.</summary>
    public TrainedCopy? Best => _state.BestStep == _state.Step ? null : _best.Copy;

    /// <summary>What was measured so far.</summary>
    public TrainingHistory History => new()
    {
        Points = _state.Points,
        Duration = _reports.Elapsed,
        Samples = _state.Samples,
        Ending = _ending ?? TrainingEnding.Completed,
        SkippedSteps = _state.SkippedSteps,
    };

    /// <summary>Releases the folder of the checkpoints.</summary>
    public void Dispose() => _checkpoints?.Dispose();

    /// <summary>Trains to the end.</summary>
    public TrainingHistory Run()
    {
        try
        {
            Begin();
            using var steps = StepsFrom(_state.Step).GetEnumerator();
            while (!IsOver)
            {
                _cancellationToken.ThrowIfCancellationRequested();
                if (_checkpoints is not null) _beforeStep = (_engine.CaptureRandom(), _order.State);
                steps.MoveNext(); // a new epoch draws its order
                Step(steps.Current);
            }

            return History;
        }
        catch (Exception failure) when (_isWhole)
        {
            SaveAfter(failure); // canceled, diverged, or the progress handler failed: nothing that was learned is lost
            throw;
        }
    }

    private static void CheckValidation(TrainingData data, TrainingOptions options)
    {
        if (data.ValidationExamples is not null || !options.KeepsBestWeights) return;
        string name = options.Patience is not null ? nameof(options.Patience) : nameof(options.KeepBest);
        string fraction = options.ValidationFraction.ToString(CultureInfo.InvariantCulture);
        throw new ArgumentException(
            $"{name} needs validation data, and there are none: set {nameof(options.ValidationFraction)}, which is {fraction}, "
            + "or pass a validation set.",
            nameof(data));
    }

    private void Begin()
    {
        var (evaluation, sample) = DoWhatIsDue();
        _reports.Report(double.NaN, double.NaN, 0, evaluation ?? EvaluateIfOver(), sample, checkpoint: null, _checkpoints?.Warnings);
    }

    private void Step(TokenBatch[] batches)
    {
        _reports.BeginLearning();
        int step = _state.Step + 1;
        double learningRate = _schedule.At(step);
        long tokens = batches.Sum(batch => (long)batch.RowCount), targets = batches.Sum(batch => (long)batch.TargetCount);

        // Forward pass, loss and backward pass of each batch, weighted as if they were one large batch.
        double loss = 0;
        foreach (var batch in batches.Where(batch => batch.TargetCount > 0))
        {
            double weight = (double)batch.TargetCount / targets;
            loss += weight * _engine.Accumulate(batch, weight);
        }

        double gradientNorm = targets > 0 ? _engine.ClipGradients(_options.GradientClipping) : double.NaN;
        if (targets == 0)
        {
            loss = double.NaN; // nothing to learn from: the network stays as it is
        }
        else if (double.IsFinite(loss) && double.IsFinite(gradientNorm))
        {
            _isWhole = false;
            _engine.Update(learningRate);
            _state.SkippedInARow = 0;
        }
        else
        {
            Skip(step, loss, gradientNorm, learningRate);
        }

        _reports.EndLearning();
        (_state.Step, _state.TokensSeen, _state.LastLearningRate) = (step, _state.TokensSeen + tokens, learningRate);
        (_isWhole, _beforeStep) = (true, null);
        var (evaluation, sample) = DoWhatIsDue();
        string? checkpoint = IsOver || step % CheckpointInterval == 0 ? SaveIfPossible() : null;
        _reports.Report(loss, gradientNorm, learningRate, evaluation ?? EvaluateIfOver(), sample, checkpoint);
        if (_unsaved is not null) throw _unsaved;
    }

    private void Skip(int step, double loss, double gradientNorm, double learningRate)
    {
        _engine.DiscardGradients();
        if (_options.OnDivergence == DivergencePolicy.Throw || _state.SkippedInARow >= TrainingOptions.SkippedStepLimit)
        {
            _ending = TrainingEnding.Diverged;
            throw new TrainingDivergedException(step, loss, gradientNorm, learningRate);
        }

        _state.SkippedInARow++;
        _state.SkippedSteps++;
        if (_options.OnDivergence == DivergencePolicy.Stop) _ending = TrainingEnding.Diverged;
    }

    private IEnumerable<TokenBatch[]> StepsFrom(int done)
    {
        for (int step = done; step < _totalSteps;)
        {
            var epoch = _order.Epoch(step / _stepsPerEpoch, step % _stepsPerEpoch * _options.BatchesPerStep);
            foreach (var batches in epoch.Chunk(_options.BatchesPerStep))
            {
                yield return batches;
                step++;
            }
        }
    }

    /// <summary>Does what is due at the current step and has not been done yet.</summary>
    private (TrainingPoint? Evaluation, TrainingSample? Sample) DoWhatIsDue()
    {
        TrainingPoint? evaluation = null;
        if (_state.Points.Count == 0) evaluation = Evaluate(EvaluationMoment.Before);
        else if (IsEvaluationDue && _state.Points[^1].Step != _state.Step) evaluation = Evaluate(EvaluationMoment.Due);

        TrainingSample? sample = null;
        bool endsEpoch = _state.Step > 0 && _state.Step % _stepsPerEpoch == 0;
        if (endsEpoch && _options.Sample is { } options && _state.Samples.LastOrDefault()?.Step != _state.Step)
        {
            sample = new()
            {
                Step = _state.Step,
                Epoch = _reports.Epoch,
                Text = SampleWriter.Write(_engine.Weights, options, _options.ThreadCount, _cancellationToken),
            };
            _state.Samples.Add(sample);
        }

        if (_reports.ThisTime >= _options.MaxDuration) _ending ??= TrainingEnding.TimeOver;
        if (_best.IsPatienceOver) _ending ??= TrainingEnding.StoppedEarly;
        return (evaluation, sample);
    }

    private bool IsOver => _ending is not null || _state.Step >= _totalSteps;

    private bool IsEvaluationDue => _options.Engine.IsEvaluationDue(_state.Step, _evaluationInterval);

    private int CheckpointInterval => _options.Checkpoints?.Interval ?? _evaluationInterval;

    // Training ends with the error, but not before the last step is measured and reported.
    private string? SaveIfPossible()
    {
        try
        {
            return Save();
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            _unsaved = new(_state.Step, failure);
            if (!IsOver) _ending = TrainingEnding.CheckpointFailed;
            return null;
        }
    }

    private string? Save()
    {
        if (_checkpoints is null || _state.Step == _savedStep) return null;
        (_state.OrderState, _state.Elapsed, _savedStep) = (_order.State, _reports.Elapsed, _state.Step);
        return _checkpoints.Save(_state, _engine, _options.KeepsBestWeights ? _best.Copy : null);
    }

    // The weights are those of the last step done. The random state of the failed step is restored, so that it can be
    // repeated as it would have been.
    private void SaveAfter(Exception failure)
    {
        try
        {
            if (_beforeStep is { } before)
            {
                _engine.RestoreRandom(before.Random);
                _order.State = before.Order;
            }

            Save();
        }
        catch (Exception second)
        {
            failure.Data[CheckpointFailure] = second;
        }
    }

    // Not in the checkpoint: if training is resumed with more steps, it has no evaluation here.
    private TrainingPoint? EvaluateIfOver() => IsOver && _state.Points[^1].Step != _state.Step ? Evaluate(EvaluationMoment.After) : null;

    private TrainingPoint Evaluate(EvaluationMoment moment)
    {
        var (training, validation) = _order.Measure(_engine, moment, _cancellationToken);
        var point = new TrainingPoint
        {
            Step = _state.Step,
            Epoch = _reports.Epoch,
            TokensSeen = _state.TokensSeen,
            TrainingLoss = training.Loss,
            ValidationLoss = validation?.Loss,
            TrainingAccuracy = training.Accuracy,
            ValidationAccuracy = validation?.Accuracy,
            EpochsDone = _reports.EpochsDone,
            LearningRate = _state.LastLearningRate,
            Elapsed = _reports.Elapsed,
        };
        _state.Points.Add(point);
        _best.Observe(point, _engine);
        return point;
    }
}
