using System.Management.Automation;
using System.Management.Automation.Internal;

namespace MLNet.Gpt.PesterHost.StandIn;

/// <summary>
/// Should: each operator is a parameter set, so that one that the stand-in lacks is a binding error, which fails the test.
/// Like Pester's, an operator on collections gets the pipeline's values together, another one gets them one after the other.
/// </summary>
public sealed class ShouldCommand : PSCmdlet
{
    private readonly List<object?> _values = [];

    [Parameter(ValueFromPipeline = true)]
    [AllowNull, AllowEmptyCollection, AllowEmptyString]
    public object? ActualValue { get; set; }

    [Parameter(Mandatory = true, ParameterSetName = nameof(Be))]
    public SwitchParameter Be { get; set; }

    [Parameter(Mandatory = true, ParameterSetName = nameof(BeExactly))]
    public SwitchParameter BeExactly { get; set; }

    [Parameter(Mandatory = true, ParameterSetName = nameof(BeGreaterThan))]
    public SwitchParameter BeGreaterThan { get; set; }

    [Parameter(Mandatory = true, ParameterSetName = nameof(BeGreaterOrEqual))]
    public SwitchParameter BeGreaterOrEqual { get; set; }

    [Parameter(Mandatory = true, ParameterSetName = nameof(BeLessThan))]
    public SwitchParameter BeLessThan { get; set; }

    [Parameter(Mandatory = true, ParameterSetName = nameof(BeLessOrEqual))]
    public SwitchParameter BeLessOrEqual { get; set; }

    [Parameter(Mandatory = true, ParameterSetName = nameof(BeIn))]
    public SwitchParameter BeIn { get; set; }

    [Parameter(Mandatory = true, ParameterSetName = nameof(BeLike))]
    public SwitchParameter BeLike { get; set; }

    [Parameter(Mandatory = true, ParameterSetName = nameof(Match))]
    public SwitchParameter Match { get; set; }

    [Parameter(Mandatory = true, ParameterSetName = nameof(MatchExactly))]
    public SwitchParameter MatchExactly { get; set; }

    [Parameter(Mandatory = true, ParameterSetName = nameof(Contain))]
    public SwitchParameter Contain { get; set; }

    [Parameter(Mandatory = true, ParameterSetName = nameof(HaveCount))]
    public SwitchParameter HaveCount { get; set; }

    [Parameter(Mandatory = true, ParameterSetName = nameof(BeNullOrEmpty))]
    public SwitchParameter BeNullOrEmpty { get; set; }

    [Parameter(Mandatory = true, ParameterSetName = nameof(BeTrue))]
    public SwitchParameter BeTrue { get; set; }

    [Parameter(Mandatory = true, ParameterSetName = nameof(BeFalse))]
    public SwitchParameter BeFalse { get; set; }

    [Parameter(Mandatory = true, ParameterSetName = nameof(BeOfType))]
    public SwitchParameter BeOfType { get; set; }

    [Parameter(Mandatory = true, ParameterSetName = nameof(Exist))]
    public SwitchParameter Exist { get; set; }

    [Parameter(Mandatory = true, ParameterSetName = nameof(Throw))]
    public SwitchParameter Throw { get; set; }

    [Parameter(Position = 0, ParameterSetName = nameof(Be))]
    [Parameter(Position = 0, ParameterSetName = nameof(BeExactly))]
    [Parameter(Position = 0, ParameterSetName = nameof(BeGreaterThan))]
    [Parameter(Position = 0, ParameterSetName = nameof(BeGreaterOrEqual))]
    [Parameter(Position = 0, ParameterSetName = nameof(BeLessThan))]
    [Parameter(Position = 0, ParameterSetName = nameof(BeLessOrEqual))]
    [Parameter(Position = 0, ParameterSetName = nameof(BeIn))]
    [Parameter(Position = 0, ParameterSetName = nameof(BeLike))]
    [Parameter(Position = 0, ParameterSetName = nameof(Contain))]
    [Parameter(Position = 0, ParameterSetName = nameof(HaveCount))]
    [AllowNull, AllowEmptyCollection, AllowEmptyString]
    public object? ExpectedValue { get; set; }

    [Parameter(Mandatory = true, Position = 0, ParameterSetName = nameof(Match))]
    [Parameter(Mandatory = true, Position = 0, ParameterSetName = nameof(MatchExactly))]
    public string RegularExpression { get; set; } = "";

    [Parameter(Mandatory = true, Position = 0, ParameterSetName = nameof(BeOfType))]
    public object ExpectedType { get; set; } = "";

    [Parameter(Position = 0, ParameterSetName = nameof(Throw))]
    public string? ExpectedMessage { get; set; }

    [Parameter(Position = 1, ParameterSetName = nameof(Throw))]
    public string? ErrorId { get; set; }

    [Parameter(Position = 2, ParameterSetName = nameof(Throw))]
    public Type? ExceptionType { get; set; }

    [Parameter(ParameterSetName = nameof(Throw))]
    public SwitchParameter PassThru { get; set; }

    [Parameter]
    public SwitchParameter Not { get; set; }

    [Parameter]
    public string? Because { get; set; }

    protected override void ProcessRecord() => _values.Add(ActualValue);

    protected override void EndProcessing()
    {
        foreach (object? actual in Subjects())
        {
            string? failure = Check(actual);
            if (failure is null) continue;
            string because = string.IsNullOrWhiteSpace(Because) ? "" : $" because {Because},";
            ThrowTerminatingError(new ErrorRecord(
                new InvalidOperationException(failure.Replace(",", $",{because}", StringComparison.Ordinal)),
                "PesterAssertionFailed",
                ErrorCategory.InvalidResult,
                actual));
        }
    }

    private IEnumerable<object?> Subjects() => ParameterSetName switch
    {
        nameof(Be) or nameof(BeExactly) or nameof(Contain) or nameof(HaveCount) or nameof(BeNullOrEmpty) =>
            [MyInvocation.ExpectingInput ? _values.Where(
                value => value != AutomationNull.Value).ToArray() : Assertions.Enumerate(ActualValue)],
        _ when _values.Count == 0 => [null],
        _ => _values,
    };

    private string? Check(object? actual)
    {
        if (ParameterSetName == nameof(Throw)) return CheckThrow(actual);
        bool holds = ParameterSetName switch
        {
            nameof(Be) => Assertions.AreEqual(actual, ExpectedValue, ignoreCase: true),
            nameof(BeExactly) => Assertions.AreEqual(actual, ExpectedValue, ignoreCase: false),
            nameof(BeGreaterThan) => Assertions.Compare(actual, ExpectedValue) > 0,
            nameof(BeGreaterOrEqual) => Assertions.Compare(actual, ExpectedValue) >= 0,
            nameof(BeLessThan) => Assertions.Compare(actual, ExpectedValue) < 0,
            nameof(BeLessOrEqual) => Assertions.Compare(actual, ExpectedValue) <= 0,
            nameof(BeIn) => Assertions.Contains(Assertions.Enumerate(ExpectedValue), actual),
            nameof(BeLike) => Assertions.IsLike(actual, ExpectedValue),
            nameof(Match) => Assertions.Matches(actual, RegularExpression, ignoreCase: true),
            nameof(MatchExactly) => Assertions.Matches(actual, RegularExpression, ignoreCase: false),
            nameof(Contain) => Assertions.Contains((object?[])actual!, ExpectedValue),
            nameof(HaveCount) => ((object?[])actual!).Length == LanguagePrimitives.ConvertTo<int>(ExpectedValue),
            nameof(BeNullOrEmpty) => Assertions.IsNullOrEmpty((object?[])actual!),
            nameof(BeTrue) => LanguagePrimitives.IsTrue(actual),
            nameof(BeFalse) => !LanguagePrimitives.IsTrue(actual),
            nameof(BeOfType) => Assertions.IsOfType(actual, ExpectedType),
            nameof(Exist) => InvokeProvider.Item.Exists(LanguagePrimitives.ConvertTo<string>(actual)),
            _ => throw new NotSupportedException($"Should -{ParameterSetName} is not supported by the stand-in for Pester."),
        };
        if (holds != Not) return null;
        object? expected = ExpectedValue ?? (MyInvocation.BoundParameters.ContainsKey(nameof(RegularExpression)) ? RegularExpression : null)
            ?? (MyInvocation.BoundParameters.ContainsKey(nameof(ExpectedType)) ? ExpectedType : null);
        return $"Should{(Not ? " -Not" : "")} -{ParameterSetName}: expected {Assertions.Format(expected)}, "
            + $"but got {Assertions.Format(actual)}.";
    }

    private string? CheckThrow(object? actual)
    {
        if ((actual is PSObject wrapped ? wrapped.BaseObject : actual) is not ScriptBlock script)
        {
            throw new ArgumentException(
                "Input is missing or not a ScriptBlock. Input to '-Throw' and '-Not -Throw' must be enclosed in curly braces.");
        }

        // The script's own try turns statement-terminating errors into exceptions, as Pester's does.
        var outcome = InvokeCommand.InvokeScript(
            useLocalScope: true, ScriptBlock.Create("param($______script) try { $null = & $______script } catch { $_ }"), null, script);
        var error = outcome.FirstOrDefault()?.BaseObject as ErrorRecord;
        if (Not)
        {
            return error is null ? null : $"Expected no exception to be thrown, but an exception \"{error.Exception.Message}\" was thrown.";
        }

        if (error is null) return "Expected an exception to be thrown, but no exception was thrown.";
        if (ExceptionType is not null && !ExceptionType.IsInstanceOfType(error.Exception))
        {
            return $"Expected an exception of type {ExceptionType}, but its type was {error.Exception.GetType()}: {error}";
        }

        if (!string.IsNullOrWhiteSpace(ExpectedMessage) && !Assertions.IsLike(error.Exception.Message, ExpectedMessage))
        {
            return $"Expected an exception with message like '{ExpectedMessage}', but the message was '{error.Exception.Message}'.";
        }

        if (!string.IsNullOrWhiteSpace(ErrorId) && !Assertions.IsLike(error.FullyQualifiedErrorId, ErrorId))
        {
            return $"Expected an exception with FullyQualifiedErrorId '{ErrorId}', but it was '{error.FullyQualifiedErrorId}': {error}";
        }

        if (PassThru) WriteObject(error);
        return null;
    }
}
