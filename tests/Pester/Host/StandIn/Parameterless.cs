using System.Management.Automation;
using System.Management.Automation.Language;

namespace MLNet.Gpt.PesterHost.StandIn;

/// <summary>Pester also hands the data to a <c>param</c> block; the stand-in only sets variables, and says so.</summary>
internal static class Parameterless
{
    public static void Require(ScriptBlock body, string keyword)
    {
        if (body.Ast is ScriptBlockAst { ParamBlock: not null })
        {
            throw new NotSupportedException(
                $"The stand-in for Pester gives {keyword} its data as variables; a param block is not supported.");
        }
    }
}
